using System.Diagnostics;

namespace FineTuneTool.Benchmarks;

/// <summary>Best of many short runs: a shared or virtual machine flips between speeds, the best is the one that repeats.</summary>
internal static class Measure
{
    /// <summary>Measure the processor time of this process instead of the clock: for one thread on a machine that others use too.</summary>
    public static bool ProcessorTime { get; set; }

    public static double BestSeconds(Action action, double budgetSeconds = 1)
    {
        double best = double.MaxValue;
        var total = Stopwatch.StartNew();
        do
        {
            long start = Stopwatch.GetTimestamp();
            TimeSpan used = Environment.CpuUsage.TotalTime;
            action();
            TimeSpan time = ProcessorTime ? Environment.CpuUsage.TotalTime - used : Stopwatch.GetElapsedTime(start);
            best = Math.Min(best, time.TotalSeconds);
        }
        while (total.Elapsed.TotalSeconds < budgetSeconds);

        return best;
    }
}
