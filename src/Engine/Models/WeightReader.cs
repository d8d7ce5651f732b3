using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>Weights in any storage as numbers.</summary>
internal static class WeightReader
{
    /// <summary>Elements that are decoded at the same time.</summary>
    private const int ChunkElements = 1 << 20;

    /// <summary>Copies a tensor in any storage into F32 of the same shape, once: its pages may leave the memory.</summary>
    public static void Widen(Backend backend, Tensor source, Tensor target)
    {
        long columns = source.Shape.Columns, rowsAtOnce = Math.Max(1, ChunkElements / columns), rows = source.Shape.Rows;
        float[] chunk = new float[Math.Min(rowsAtOnce, rows) * columns];
        for (long row = 0; row < rows; row += rowsAtOnce)
        {
            Span<float> values = chunk.AsSpan(0, (int)(Math.Min(rowsAtOnce, rows - row) * columns));
            backend.Read(source, values, row * columns);
            backend.Write(target, values, row * columns);
        }

        backend.PageOut(source);
    }
}
