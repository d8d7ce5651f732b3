using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Formats;

/// <summary>
/// A tensor to be written: what the header says, and the bytes, which are produced when their turn comes.
/// </summary>
/// <param name="Write">Writes exactly <see cref="Bytes"/> bytes: row-major, little endian.</param>
public sealed record TensorSource(string Name, ElementType Type, Shape Shape, Action<Stream> Write)
{
    /// <summary>Bytes of the whole tensor.</summary>
    public long Bytes => Type.Bytes(Shape.Columns) * Shape.Rows;

    /// <summary>A tensor whose stored bytes are copied.</summary>
    public static TensorSource Of(StoredTensor stored, string? name = null) =>
        new(name ?? stored.Name, stored.Type, stored.Shape, stream => Copy(stored, stream));

    /// <summary>Writes the bytes and checks their number.</summary>
    internal void WriteTo(Stream stream)
    {
        long start = stream.Position;
        Write(stream);
        if (stream.Position - start != Bytes)
        {
            throw new InvalidOperationException($"Tensor {Name} wrote {stream.Position - start} bytes instead of {Bytes}.");
        }
    }

    private static unsafe void Copy(StoredTensor stored, Stream stream)
    {
        const int Chunk = 1 << 20;
        for (long done = 0; done < stored.Bytes; done += Chunk)
        {
            stream.Write(new ReadOnlySpan<byte>(stored.Pointer + done, (int)Math.Min(Chunk, stored.Bytes - done)));
        }

        GC.KeepAlive(stored);
    }
}
