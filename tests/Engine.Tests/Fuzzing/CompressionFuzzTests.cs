using System.Text;
using FineTuneTool.Engine.Formats.Compression;
using FineTuneTool.Engine.Tests.Formats;

namespace FineTuneTool.Engine.Tests.Fuzzing;

/// <summary>Damaged compressed bytes end in bytes of the stated size or in a refusal, whatever they claim.</summary>
public class CompressionFuzzTests
{
    private delegate void Decompressor(ReadOnlySpan<byte> bytes, ByteSink sink);

    /// <param name="most">The most bytes that the caller allows; what is really made may be allocated, and copied once to grow.</param>
    private static void Fuzz(byte[][] seeds, int most, Decompressor decompress) =>
        new FuzzRun(seeds) { IsRefusal = exception => exception is InvalidDataException or OverflowException, AllowanceBytes = (3L * most) + (512 << 10) }.Bytes(bytes =>
        {
            var sink = new ByteSink(most);
            decompress(bytes, sink);
            Assert.InRange(sink.Length, 0, most);
        });

    [Fact]
    public void Damaged_snappy_bytes_are_read_or_refused() => Fuzz(
        [[5, 0b000001_00, (byte)'a', (byte)'b', 0b000010_10, 2, 0], [.. "\u0040\u00f0\u001e"u8, .. Encoding.ASCII.GetBytes(new string('x', 31)), 0xFE, 1, 0, 0x0D, 1, 0xFE, 4, 0]],
        1 << 16, Snappy.Decompress);

    [Fact]
    public void Damaged_lz4_bytes_are_read_or_refused() => Fuzz(
        [[0x22, (byte)'a', (byte)'b', 2, 0, 0x10, (byte)'!'], [0xF4, 3, .. "abcdefghijklmnopqr"u8, 18, 0, 0x1F, (byte)'x', 1, 0, 255, 255, 9, 0x50, .. "trail"u8]],
        1 << 16, Lz4Block.Decompress);

    [Fact]
    public void Damaged_zstandard_bytes_are_read_or_refused() => Fuzz(
        [.. Directory.GetFiles(GoldenFiles.PathOf("zstd"), "*.zst").Where(path => new FileInfo(path).Length < 4000).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)],
        1 << 18, Zstandard.Decompress);
}
