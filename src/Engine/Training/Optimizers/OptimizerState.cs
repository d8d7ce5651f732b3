using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Training.Optimizers;

/// <summary>A named tensor of an optimizer's state.</summary>
public sealed record OptimizerState(string Name, Tensor Tensor);
