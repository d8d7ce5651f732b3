namespace FineTuneTool.Engine.Data.Cleaning;

/// <summary>
/// The shingles of a row, by which rows are compared: every run of <see cref="Length"/> characters, hashed to 32 bits. Case, white space and ASCII punctuation
/// do not count, so that rows which differ in layout only have the same; no language needs words for it.
/// </summary>
internal static class Shingles
{
    public const int Length = 5;

    private const uint Base = 0x9E3779B1;

    /// <summary>ASCII letters in lower case and digits; 0 for what does not count.</summary>
    private static readonly byte[] Folded =
        [.. Enumerable.Range(0, 128).Select(c => (byte)(char.IsAsciiLetterOrDigit((char)c) ? char.ToLowerInvariant((char)c) : '\0'))];

    private static readonly uint Power = Enumerable.Repeat(Base, Length).Aggregate(1u, (power, factor) => unchecked(power * factor));

    [ThreadStatic]
    private static (char[] Characters, uint[] Hashes) scratch;

    /// <summary>The shingles that are not boilerplate, in order; this thread's own until its next row.</summary>
    /// <param name="boilerplate">Null where all count.</param>
    public static ReadOnlySpan<uint> Of(IEnumerable<string> texts, Boilerplate? boilerplate)
    {
        int length = 0;
        foreach (string text in texts)
        {
            length = Fold(text, length);
        }

        (char[] characters, uint[] hashes) = scratch;
        uint rolling = 0;
        int count = 0;
        for (int i = 0; i < length; i++)
        {
            rolling = (rolling * Base) + characters[i];
            if (i >= Length)
            {
                rolling -= characters[i - Length] * Power;
            }

            if (i >= Length - 1)
            {
                uint hash = Mix(rolling);
                hashes[count] = hash;
                count += boilerplate is not null && boilerplate.Contains(hash) ? 0 : 1;
            }
        }

        return hashes.AsSpan(0, count);
    }

    /// <summary>Adds the characters of a text that count, each run of others as one space; returns how many there are then.</summary>
    private static int Fold(string text, int length)
    {
        if (scratch.Characters is null || scratch.Characters.Length < length + text.Length + 1)
        {
            int room = Math.Max(1 << 12, 2 * (length + text.Length + 1));
            char[] larger = new char[room];
            scratch.Characters?.AsSpan(0, length).CopyTo(larger);
            scratch = (larger, new uint[room]);
        }

        char[] characters = scratch.Characters;
        byte[] folded = Folded;
        bool gap = true;
        foreach (char c in text)
        {
            char counted = c < 128 ? (char)folded[c] : char.IsWhiteSpace(c) ? '\0' : char.ToLowerInvariant(c);
            if (counted == 0)
            {
                gap = true;
                continue;
            }

            characters[length] = ' ';
            length += gap ? 1 : 0;
            characters[length++] = counted;
            gap = false;
        }

        return length;
    }

    /// <summary>The last steps of MurmurHash3 (32 bits): every bit of the input moves every bit of the output.</summary>
    private static uint Mix(uint h)
    {
        h = (h ^ (h >> 16)) * 0x85EBCA6B;
        h = (h ^ (h >> 13)) * 0xC2B2AE35;
        return h ^ (h >> 16);
    }
}
