using System.Globalization;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Speed;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Tool.Commands;

/// <summary>The tables of <c>finetune bench</c> for people.</summary>
internal static class BenchReport
{
    /// <summary>Operations below this share of a step are summed up.</summary>
    private const double SmallShare = 0.005;

    public static string Name(ElementType activationType) => activationType == ElementType.BF16 ? "bf16" : "fp32";

    public static void Write(TextWriter output, BenchResult result)
    {
        TrainingSpeed first = result.Modes[0].Speed;
        SpeedSettings settings = result.Settings;
        void Line(FormattableString text) => output.WriteLine(text.ToString(CultureInfo.InvariantCulture));
        Line($"{result.Model}: {first.Parameters / 1e6:F1} M weights; {first.Backend}, threads {first.Threads}, {Name(settings.ActivationType)}");
        Line($"a step: {settings.Rows} × {settings.SequenceLength} tokens, {100.0 * first.SupervisedTokens / first.Tokens:F1} % learnt, LoRA rank {settings.Rank} ({first.TrainedParameters / 1e6:F2} M weights){(settings.GradientCheckpointing ? ", gradient checkpointing" : "")}");
        output.WriteLine();
        Line($"{"the machine",-34} {"GFLOP/s",10} {"a thread",10}");
        Line($"{"multiply-adds on registers",-34} {result.Ceiling.RegisterFlops / 1e9,10:F1} {result.Ceiling.RegisterFlops / 1e9 / first.Threads,10:F1}");
        Line($"{"best product, the ceiling",-34} {result.ProductFlops / 1e9,10:F1} {result.ProductFlops / 1e9 / first.Threads,10:F1}   {result.ProductFlops / result.Ceiling.RegisterFlops:P1} of the registers");
        Line($"{"reading memory",-34} {result.Ceiling.ReadBytes / 1e9,10:F1} GB/s");
        output.WriteLine();
        Line($"{"training",-34} {"tokens/s",10} {"of ceiling",10} {"memory",12}");
        foreach (BenchMode mode in result.Modes)
        {
            Line($"{mode.Title,-34} {mode.Speed.TokensPerSecond,10:F1} {result.ShareOfCeiling(mode),10:P1} {Memory(mode.Speed.PeakBytes),12}");
        }

        if (result.Generation is { } generation)
        {
            output.WriteLine();
            Line($"{"generation, weights as stored",-34} {"tokens/s",10} {"",10} {"memory",12}");
            Line($"{$"prompt of {generation.PromptTokens}",-34} {generation.PrefillTokensPerSecond,10:F1}");
            Line($"{$"answer of {generation.DecodeTokens}, one at a time",-34} {generation.DecodeTokensPerSecond,10:F1} {"",10} {Memory(generation.PeakBytes),12}");
        }

        foreach (BenchMode mode in result.Modes)
        {
            output.WriteLine();
            WriteOperations(Line, mode);
        }
    }

    private static void WriteOperations(Action<FormattableString> line, BenchMode mode)
    {
        double step = mode.Speed.Seconds.Min(), rest = step;
        line($"{mode.Title,-34} {"ms a step",10} {"of step",10} {"GFLOP/s",12} {"calls",7}");
        foreach (OperationTime time in mode.Speed.Operations.Where(time => time.Seconds >= SmallShare * step))
        {
            string rate = time.Flops > 0 ? (time.Flops / time.Seconds / 1e9).ToString("F1", CultureInfo.InvariantCulture) : "";
            line($"  {time.Operation,-32} {1e3 * time.Seconds,10:F1} {time.Seconds / step,10:P1} {rate,12} {time.Calls,7}");
            rest -= time.Seconds;
        }

        line($"  {"everything else",-32} {1e3 * rest,10:F1} {rest / step,10:P1}");
    }

    private static string Memory(long? bytes) => bytes is { } known ? (known / 1073741824.0).ToString("F2", CultureInfo.InvariantCulture) + " GiB" : "unknown";
}
