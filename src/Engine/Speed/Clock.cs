using System.Diagnostics;

namespace FineTuneTool.Engine.Speed;

/// <summary>Seconds by the clock. A shared or virtual machine changes its speed: the best of several runs is the one that repeats.</summary>
internal static class Clock
{
    public static double Seconds(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>The shortest of the runs that fit into a time, of one at least; one more before them warms up.</summary>
    public static double Best(Action action, double budgetSeconds)
    {
        action();
        double best = double.MaxValue, spent = 0;
        while (spent < budgetSeconds)
        {
            double seconds = Seconds(action);
            best = Math.Min(best, seconds);
            spent += seconds;
        }

        return best;
    }
}
