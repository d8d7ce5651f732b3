using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Training.Optimizers;

/// <summary>An optimizer by its name in the project file.</summary>
/// <param name="StateBytes">Bytes that it keeps for a set of parameters.</param>
/// <param name="IsPaged">Its state may lie in a file where memory is short.</param>
public sealed record OptimizerKind(
    string Name, Func<Backend, ParameterSet, TrainingSettings, OptimizerMemory, Optimizer> Create, Func<ParameterSet, long> StateBytes, bool IsPaged = false);

/// <summary>Every optimizer.</summary>
public static class OptimizerKinds
{
    public static IReadOnlyList<OptimizerKind> All { get; } =
    [
        new("adamw", CreateAdamW, Numbers(2)),
        new("adamw-8bit", CreateAdamW8Bit, AdamW8Bit.StateBytes),
        new("paged-adamw-8bit", CreateAdamW8Bit, AdamW8Bit.StateBytes, IsPaged: true),
        new("paged-adamw", CreateAdamW, Numbers(2), IsPaged: true),
        new("sgd", (backend, parameters, settings, memory) => new Sgd(backend, parameters, settings, memory), Numbers(1)),
        new("adafactor", (backend, parameters, settings, memory) => new Adafactor(backend, parameters, settings, memory), Adafactor.StateBytes),
        new("lion", (backend, parameters, settings, memory) => new Lion(backend, parameters, settings, memory), Numbers(1)),
    ];

    /// <exception cref="FineTuneException">FT0001: no optimizer has this name.</exception>
    public static OptimizerKind Find(string name) => All.FirstOrDefault(kind => kind.Name == name) ?? throw new FineTuneException(
        Codes.BadSetting, $"There is no Optimizer {name}.", $"Use one of {string.Join(", ", All.Select(kind => kind.Name))}.");

    private static AdamW CreateAdamW(Backend backend, ParameterSet parameters, TrainingSettings settings, OptimizerMemory memory) =>
        new(backend, parameters, settings, memory);

    private static AdamW8Bit CreateAdamW8Bit(Backend backend, ParameterSet parameters, TrainingSettings settings, OptimizerMemory memory) =>
        new(backend, parameters, settings, memory);

    private static Func<ParameterSet, long> Numbers(int numbers) => parameters => numbers * sizeof(float) * parameters.Count;
}
