using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace FineTuneTool.Benchmarks;

/// <summary>How BenchmarkDotNet measures here: in this process, so that nothing is built or restored again, and with the fastest run beside the mean.</summary>
internal static class BenchmarkSettings
{
    public static IConfig Config { get; } = DefaultConfig.Instance
        .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
        .AddColumn(StatisticColumn.Min);
}
