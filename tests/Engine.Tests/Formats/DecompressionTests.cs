using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FineTuneTool.Engine.Formats.Compression;

namespace FineTuneTool.Engine.Tests.Formats;

public class DecompressionTests
{
    private delegate void Decompressor(ReadOnlySpan<byte> bytes, ByteSink sink);

    private static byte[] Run(Decompressor decompress, ReadOnlySpan<byte> bytes, int size)
    {
        var sink = new ByteSink(size);
        decompress(bytes, sink);
        return sink.Complete();
    }

    public static TheoryData<string, int, string> Frames()
    {
        var data = new TheoryData<string, int, string>();
        foreach (JsonProperty file in GoldenFiles.Json("zstd", "index.json").EnumerateObject())
        {
            data.Add(file.Name, file.Value.GetProperty("bytes").GetInt32(), file.Value.GetProperty("sha256").GetString()!);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Frames))]
    public void A_zstandard_file_is_decompressed_as_by_its_reference(string name, int size, string sha256)
    {
        byte[] bytes = Run(Zstandard.Decompress, File.ReadAllBytes(GoldenFiles.PathOf("zstd", name)), size);
        Assert.Equal((size, sha256), (bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes))));
    }

    [Fact]
    public void A_damaged_zstandard_file_is_read_or_refused()
    {
        foreach (string path in Directory.GetFiles(GoldenFiles.PathOf("zstd"), "*.zst").Order(StringComparer.Ordinal))
        {
            byte[] whole = File.ReadAllBytes(path);
            var random = new Random(whole.Length);
            for (int i = 0; i < 100; i++)
            {
                byte[] bytes = whole[..random.Next(1, whole.Length + 1)];
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                try
                {
                    Run(Zstandard.Decompress, bytes, 400_000);
                    Assert.Fail("the size stated is that of no file");
                }
                catch (Exception refused) when (refused is InvalidDataException or OverflowException)
                {
                    Assert.NotEmpty(refused.Message);
                }
            }
        }
    }

    [Fact]
    public void Snappy_literals_and_copies_are_undone()
    {
        // 5 bytes: literal "ab", then a copy of 3 from 2 before, which runs into itself.
        Assert.Equal("ababa", Encoding.ASCII.GetString(Run(Snappy.Decompress, [5, 0b000001_00, (byte)'a', (byte)'b', 0b000010_10, 2, 0], 5)));
        Assert.Throws<InvalidDataException>(() => Run(Snappy.Decompress, [5, 0b000001_00, (byte)'a', (byte)'b', 0b000010_10, 3, 0], 5));
    }

    [Fact]
    public void Lz4_matches_run_into_themselves()
    {
        Assert.Equal("abababab!", Encoding.ASCII.GetString(Run(Lz4Block.Decompress, [0x22, (byte)'a', (byte)'b', 2, 0, 0x10, (byte)'!'], 9)));
        Assert.Throws<InvalidDataException>(() => Run(Lz4Block.Decompress, [0x22, (byte)'a', (byte)'b', 0, 0, 0x10, (byte)'!'], 9));
    }

    [Fact]
    public void The_checksum_is_that_of_gzip() => Assert.Equal(0xCBF43926, Crc32.Of("123456789"u8));
}
