using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Backends;

/// <summary>
/// Activations as single precision kernels see them: F32 where they lie, BF16 through a tile of scratch memory.
/// A read widens, a write narrows; for F32 both cost nothing.
/// </summary>
internal readonly unsafe struct Activations(Tensor tensor, BFloat16Kernel conversion)
{
    private readonly byte* _data = ((CpuTensor)tensor).Pointer;

    public readonly bool IsNarrow = tensor.Type switch
    {
        ElementType.F32 => false,
        ElementType.BF16 => true,
        _ => throw new ArgumentException($"Activations {tensor.Shape} are stored as {tensor.Type}; they are F32 or BF16."),
    };

    /// <summary>Elements from <paramref name="at"/> on: in place, or in the tile.</summary>
    public float* Read(long at, long count, float* tile)
    {
        if (!IsNarrow)
        {
            return (float*)_data + at;
        }

        conversion.Widen((ushort*)_data + at, tile, count);
        return tile;
    }

    /// <summary>Where a kernel puts elements from <paramref name="at"/> on; <see cref="Write"/> follows.</summary>
    public float* Place(long at, float* tile) => IsNarrow ? tile : (float*)_data + at;

    public void Write(long at, long count, float* tile)
    {
        if (IsNarrow)
        {
            conversion.Narrow(tile, (ushort*)_data + at, count);
        }
    }
}
