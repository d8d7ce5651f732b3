using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Training.Optimizers;

/// <summary>An optimizer by its name in the project file.</summary>
public sealed record OptimizerKind(string Name, Func<Backend, ParameterSet, TrainingSettings, Optimizer> Create);

/// <summary>Every optimizer.</summary>
public static class OptimizerKinds
{
    public static IReadOnlyList<OptimizerKind> All { get; } =
    [
        new("adamw", (backend, parameters, settings) => new AdamW(backend, parameters, settings)),
    ];

    /// <exception cref="FineTuneException">FT0001: no optimizer has this name.</exception>
    public static OptimizerKind Find(string name) => All.FirstOrDefault(kind => kind.Name == name) ?? throw new FineTuneException(
        Codes.BadSetting, $"There is no Optimizer {name}.", $"Use one of {string.Join(", ", All.Select(kind => kind.Name))}.");
}
