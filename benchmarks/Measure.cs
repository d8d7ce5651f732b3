using System.Diagnostics;

namespace FineTuneTool.Benchmarks;

/// <summary>Best of many short runs: a shared or virtual machine flips between speeds, the best is the one that repeats.</summary>
internal static class Measure
{
    public static double BestSeconds(Action action, double budgetSeconds = 1)
    {
        double best = double.MaxValue;
        var total = Stopwatch.StartNew();
        do
        {
            long start = Stopwatch.GetTimestamp();
            action();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        while (total.Elapsed.TotalSeconds < budgetSeconds);

        return best;
    }
}
