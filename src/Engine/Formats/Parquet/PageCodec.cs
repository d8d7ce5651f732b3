using System.IO.Compression;
using FineTuneTool.Engine.Formats.Compression;

namespace FineTuneTool.Engine.Formats.Parquet;

/// <summary>The compressions of pages (parquet.thrift <c>CompressionCodec</c>).</summary>
internal static class PageCodec
{
    private delegate void Decompressor(ReadOnlySpan<byte> bytes, ByteSink sink);

    /// <summary>Codec number → what undoes it. LZO (3) and LZ4 in Hadoop's framing (5) were given up by the format.</summary>
    private static readonly Dictionary<int, Decompressor> All = new()
    {
        [0] = (bytes, sink) => sink.Append(bytes),
        [1] = Snappy.Decompress,
        [2] = (bytes, sink) => Inflate(bytes, sink, stream => new GZipStream(stream, CompressionMode.Decompress)),
        [4] = (bytes, sink) => Inflate(bytes, sink, stream => new BrotliStream(stream, CompressionMode.Decompress)),
        [6] = Zstandard.Decompress,
        [7] = Lz4Block.Decompress,
    };

    /// <summary>The bytes of a page, of which there must be <paramref name="size"/>.</summary>
    /// <exception cref="InvalidDataException">The codec is unknown, or the bytes are malformed or hold another size.</exception>
    public static byte[] Decompress(int codec, ReadOnlySpan<byte> bytes, int size)
    {
        if (!All.TryGetValue(codec, out Decompressor? decompress))
        {
            throw new InvalidDataException($"its pages are compressed with codec {codec}, which is not read (snappy, gzip, brotli, zstd and lz4_raw are)");
        }

        var sink = new ByteSink(size);
        decompress(bytes, sink);
        return sink.Complete();
    }

    private static unsafe void Inflate(ReadOnlySpan<byte> bytes, ByteSink sink, Func<Stream, Stream> open)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        fixed (byte* first = bytes)
        {
            using var packed = new UnmanagedMemoryStream(first, bytes.Length);
            using Stream stream = open(packed);
            Span<byte> piece = stackalloc byte[1 << 12];
            try
            {
                for (int read = stream.Read(piece); read > 0; read = stream.Read(piece))
                {
                    sink.Append(piece[..read]);
                }
            }
            catch (Exception failure) when (failure is InvalidOperationException or IOException)
            {
                throw new InvalidDataException("compressed bytes are damaged", failure);
            }
        }
    }
}
