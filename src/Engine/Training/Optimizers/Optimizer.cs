using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Training.Optimizers;

/// <summary>
/// Turns gradients into an update of the trainable values. Works on the flat buffers of a <see cref="ParameterSet"/>; owns its own state.
/// </summary>
public abstract class Optimizer : IDisposable
{
    /// <summary>Everything the next update depends on beside values and gradients, by name, F32 or U8; kept in checkpoints.</summary>
    public abstract IReadOnlyList<OptimizerState> State { get; }

    /// <summary>One update in place.</summary>
    /// <param name="learningRate">Rate of this update.</param>
    /// <param name="step">Number of this update, from 1.</param>
    public abstract void Update(double learningRate, long step);

    public abstract void Dispose();
}
