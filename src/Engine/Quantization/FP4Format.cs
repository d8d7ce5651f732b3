using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>4-bit floating point as bitsandbytes has it.</summary>
public sealed class FP4Format() : FourBitFormat(ElementType.FP4, FourBitCodebook.FP4);
