using System.Globalization;
using FineTuneTool.Engine.Formats;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Formats;

public unsafe class MappedFileTests
{
    [Fact]
    public void Forgotten_bytes_are_read_from_the_file_again_and_take_no_memory_meanwhile()
    {
        const int Length = 1 << 20;
        byte[] bytes = new byte[Length];
        new Random(3).NextBytes(bytes);
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("bytes"), bytes);
        using MappedFile file = MappedFile.Open(folder.File("bytes"));
        Assert.True(bytes.AsSpan().SequenceEqual(new ReadOnlySpan<byte>(file.Pointer, Length)));
        file.Forget(file.Pointer + 100, Length - 200);
        if (OperatingSystem.IsLinux())
        {
            Assert.InRange(ResidentKibibytes(file.Pointer), 0, 64);
        }

        Assert.True(bytes.AsSpan().SequenceEqual(new ReadOnlySpan<byte>(file.Pointer, Length)));
        file.Forget(file.Pointer, Length + 1);
        file.Forget(file.Pointer - 1, 10);
    }

    /// <summary>Rss of the mapping that begins at an address, in /proc/self/smaps.</summary>
    private static int ResidentKibibytes(byte* address)
    {
        string start = ((long)address).ToString("x", CultureInfo.InvariantCulture) + "-";
        string line = File.ReadLines("/proc/self/smaps").SkipWhile(text => !text.StartsWith(start, StringComparison.Ordinal))
            .First(text => text.StartsWith("Rss:", StringComparison.Ordinal));
        return int.Parse(line.AsSpan(4).Trim().TrimEnd("kB").Trim(), NumberStyles.None, CultureInfo.InvariantCulture);
    }
}
