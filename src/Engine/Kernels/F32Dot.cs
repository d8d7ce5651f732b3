using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>Plain floats, four rows at a time.</summary>
internal sealed unsafe class F32Dot<S, V> : StoredDotKernel
    where S : ISimd<V>
    where V : struct
{
    private readonly RowProducts<S, V> _rows = new();

    public override ElementType Type => ElementType.F32;

    public override void Dots(byte* rows, long rowBytes, int count, float* x, int depth, float* dots) =>
        _rows.Dots(x, (float*)rows, rowBytes / sizeof(float), count, depth, dots);
}
