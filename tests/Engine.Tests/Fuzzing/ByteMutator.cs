namespace FineTuneTool.Engine.Tests.Fuzzing;

/// <summary>Damages bytes without knowing what they mean: bits, bytes, runs, cuts, gaps, repetitions.</summary>
internal static class ByteMutator
{
    public static byte[] Mutate(byte[] seed, FuzzRandom random)
    {
        byte[] bytes = [.. seed];
        for (int edits = 1 + random.Below(3); edits > 0 && bytes.Length > 0; edits--)
        {
            int at = random.Below(bytes.Length);
            switch (random.Below(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Below(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Below(256);
                    break;
                case 2:
                    bytes.AsSpan(at, Math.Min(8, bytes.Length - at)).Fill((byte)(random.Below(2) * 255));
                    break;
                case 3:
                    bytes = bytes[..at];
                    break;
                case 4:
                    bytes = [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + 1 + random.Below(8))..]];
                    break;
                default:
                    bytes = [.. bytes[..at], .. bytes.AsSpan(at, Math.Min(16, bytes.Length - at)), .. bytes[at..]];
                    break;
            }
        }

        return bytes;
    }
}
