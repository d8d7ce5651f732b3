using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Formats;

/// <summary>Damages files in seeded ways and checks that reading ends in success or in a coded refusal, without large allocations.</summary>
internal static class Mutations
{
    private const long MostBytes = 4 << 20;

    public static void Run(byte[][] seeds, int count, Action<string> read)
    {
        using var folder = new TemporaryFolder();
        string path = folder["mutated"];
        int refused = 0;
        for (int i = 0; i < count; i++)
        {
            var random = new CounterRandom(11, RandomPurpose.Sampling, (ulong)i);
            File.WriteAllBytes(path, Mutate(seeds[i % seeds.Length], random));
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                read(path);
            }
            catch (FineTuneException)
            {
                refused++;
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostBytes);
        }

        Assert.InRange(refused, 1, count - 1);
    }

    private static byte[] Mutate(byte[] seed, CounterRandom random)
    {
        byte[] bytes = [.. seed];
        uint next = 0;
        int Next(int limit) => (int)(random.UInt32(next++) % (uint)Math.Max(1, limit));

        for (int edits = 1 + Next(3); edits > 0 && bytes.Length > 0; edits--)
        {
            int at = Next(bytes.Length);
            switch (Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)Next(256);
                    break;
                case 2:
                    bytes.AsSpan(at, Math.Min(8, bytes.Length - at)).Fill((byte)(Next(2) * 255));
                    break;
                case 3:
                    bytes = bytes[..at];
                    break;
                case 4:
                    bytes = [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + 1 + Next(8))..]];
                    break;
                default:
                    bytes = [.. bytes[..at], .. bytes.AsSpan(at, Math.Min(16, bytes.Length - at)), .. bytes[at..]];
                    break;
            }
        }

        return bytes;
    }
}
