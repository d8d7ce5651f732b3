using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>4-bit NormalFloat, the storage of QLoRA.</summary>
public sealed class NF4Format() : FourBitFormat(ElementType.NF4, FourBitCodebook.NF4);
