using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// A row-major matrix in any storage, read by runs of a row that are decoded to F32.
/// </summary>
internal readonly unsafe struct WeightMatrix(byte* data, ElementType type, long rows, long columns)
{
    public readonly ElementType Type = type;

    public readonly long Rows = rows;

    public readonly long Columns = columns;

    public static WeightMatrix OfFloats(float* data, long rows, long columns) => new((byte*)data, ElementType.F32, rows, columns);

    public bool IsFloat => Type == ElementType.F32;

    /// <summary>No block goes from one row on to the next.</summary>
    public bool RowsAreWhole => Columns % Type.BlockElements() == 0;

    /// <summary>Bytes of a row, where rows are whole blocks.</summary>
    public long RowBytes => Type.Bytes(Columns);

    /// <summary>The first byte of a row, where rows are whole blocks.</summary>
    public byte* Row(long row) => data + row * RowBytes;

    public float* FloatRow(long row) => (float*)data + row * Columns;

    /// <summary>A row of a BF16 matrix.</summary>
    public ushort* NarrowRow(long row) => (ushort*)data + row * Columns;

    /// <summary>Copies elements first … first+count-1 of a row to <paramref name="target"/>; bounds need not fall on blocks.</summary>
    public void Decode(long row, long first, int count, float* target)
    {
        if (IsFloat)
        {
            new ReadOnlySpan<float>(FloatRow(row) + first, count).CopyTo(new Span<float>(target, count));
            return;
        }

        WeightDecoder.Decode(Type, data, row * Columns + first, count, target);
    }
}
