using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// The order of query and key rows. GGUF's llama architecture turns neighbours (2i, 2i+1) of each head; Hugging Face turns (i, i + D/2).
/// Row h·D + 2i + j of the one is row h·D + j·D/2 + i of the other. Whole rows move; nothing is decoded. Biases move alike.
/// </summary>
public static class RotaryRows
{
    /// <summary>A copy in Hugging Face's order of a matrix (heads·D, K), or of a bias (heads·D), from a GGUF file.</summary>
    public static StoredTensor ToHalves(StoredTensor stored, int heads) => Move(stored, heads, toHalves: true);

    /// <summary>A copy in GGUF's order of a matrix or bias in Hugging Face's.</summary>
    public static StoredTensor ToNeighbours(StoredTensor stored, int heads) => Move(stored, heads, toHalves: false);

    private static unsafe StoredTensor Move(StoredTensor stored, int heads, bool toHalves)
    {
        long rows = stored.Shape[0], rowBytes = stored.Bytes / rows, headDim = rows / heads;
        if (headDim * heads != rows || headDim % 2 != 0)
        {
            throw new ArgumentException($"{stored.Name} {stored.Shape} does not hold {heads} heads of an even size.", nameof(heads));
        }

        var buffer = new NativeBuffer(stored.Bytes);
        for (long row = 0; row < rows; row++)
        {
            long head = row / headDim * headDim, dim = row - head;
            long other = head + dim % 2 * (headDim / 2) + dim / 2;
            (long from, long to) = toHalves ? (row, other) : (other, row);
            Buffer.MemoryCopy(stored.Pointer + from * rowBytes, buffer.Pointer + to * rowBytes, rowBytes, rowBytes);
        }

        return new StoredTensor(stored.Name, stored.Type, stored.Shape, buffer.Pointer, buffer.Length, buffer);
    }
}
