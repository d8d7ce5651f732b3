using FineTuneTool.Engine.Speed;

namespace FineTuneTool.Tool.Commands;

/// <summary>What one run of <c>finetune bench</c> measured.</summary>
/// <param name="Model">What was measured, as it was named.</param>
/// <param name="Modes">One at least.</param>
/// <param name="Generation">Null where it was left out.</param>
internal sealed record BenchResult(string Model, SpeedSettings Settings, MachineCeiling Ceiling, IReadOnlyList<BenchMode> Modes, GenerationSpeed? Generation)
{
    /// <summary>The ceiling of this run: the best rate of the large product, measured at its start and after each mode.</summary>
    public double ProductFlops => Modes.Select(mode => mode.Speed.ProductFlops).Append(Ceiling.ProductFlops).Max();

    /// <summary>Useful work against the ceiling of this run.</summary>
    public double ShareOfCeiling(BenchMode mode) => mode.Speed.Work.PerToken * mode.Speed.TokensPerSecond / ProductFlops;

    /// <summary>The answer for scripts: the figures of the first mode on top, everything below.</summary>
    public object ToJson()
    {
        BenchMode first = Modes[0];
        return new
        {
            Model,
            first.Speed.Parameters,
            first.Speed.TrainedParameters,
            first.Speed.Backend,
            first.Speed.Threads,
            Compute = BenchReport.Name(Settings.ActivationType),
            Settings.Rows,
            Seq = Settings.SequenceLength,
            Settings.Rank,
            Settings.SupervisedShare,
            Settings.GradientCheckpointing,
            first.Speed.TokensPerSecond,
            ShareOfCeiling = ShareOfCeiling(first),
            first.Speed.PeakBytes,
            Generation?.PrefillTokensPerSecond,
            Generation?.DecodeTokensPerSecond,
            Ceiling = new
            {
                RegisterFlopsPerSecond = Ceiling.RegisterFlops,
                ProductFlopsPerSecond = ProductFlops,
                ProductShareOfRegisters = ProductFlops / Ceiling.RegisterFlops,
                ReadBytesPerSecond = Ceiling.ReadBytes,
            },
            Modes = Modes.Select(mode => new
            {
                mode.Mode.Quantization,
                Name = mode.Title,
                mode.Speed.TokensPerSecond,
                ShareOfCeiling = ShareOfCeiling(mode),
                mode.Speed.PeakBytes,
                FlopsPerToken = mode.Speed.Work.PerToken,
                Flops = new { mode.Speed.Work.Frozen, mode.Speed.Work.Head, mode.Speed.Work.LowRank, mode.Speed.Work.Attention },
                mode.Speed.Tokens,
                mode.Speed.SupervisedTokens,
                mode.Speed.Seconds,
                mode.Speed.Loss,
                Operations = mode.Speed.Operations.Select(time => new
                {
                    time.Operation,
                    time.Calls,
                    time.Seconds,
                    time.Flops,
                    FlopsPerSecond = time.Flops > 0 && time.Seconds > 0 ? time.Flops / time.Seconds : (double?)null,
                }),
            }),
            Generation,
        };
    }
}

/// <summary>One way of training, measured.</summary>
internal sealed record BenchMode(TrainingMode Mode, string Title, TrainingSpeed Speed);
