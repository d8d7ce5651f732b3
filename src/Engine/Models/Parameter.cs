using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>One trained tensor inside the flat buffers of a <see cref="ParameterSet"/>.</summary>
/// <param name="Name">Tensor name as in the saved file: the Hugging Face name, or PEFT's for adapters.</param>
/// <param name="Offset">First element in the flat buffers.</param>
/// <param name="Decays">Whether weight decay applies: not to biases and norms.</param>
public sealed record Parameter(string Name, Shape Shape, long Offset, bool Decays);
