using System.Globalization;
using System.Numerics;

namespace FineTuneTool.Engine.Data.Cleaning;

/// <summary>What can be counted of a text in any language that tells good text from rubbish.</summary>
/// <param name="LetterRatio">Letters, marks and digits of all characters that are not white space, 0 … 1; 1 for an empty text.</param>
/// <param name="RepetitionRatio">Runs of <see cref="RunLength"/> characters that stood in the text before, of all such runs, 0 … 1.</param>
/// <param name="BrokenRatio">Characters that text does not have (U+FFFD, controls other than tab and line ends, private use, halves of surrogate pairs), 0 … 1.</param>
public readonly record struct TextQuality(double LetterRatio, double RepetitionRatio, double BrokenRatio)
{
    public const int RunLength = 20;

    /// <summary>Only so much of a text is looked at for repetition.</summary>
    private const int MostRepetition = 1 << 20;

    private const uint Base = 0x01000193;

    // Bits of what a character is.
    private const int Visible = 1, Letter = 2, Broken = 4;

    private static readonly byte[] AsciiKinds =
    [
        .. Enumerable.Range(0, 128).Select(c => (byte)(" \t\n\r\f\v".Contains((char)c) ? 0
            : char.IsAsciiLetterOrDigit((char)c) ? Visible | Letter : char.IsControl((char)c) ? Visible | Broken : Visible)),
    ];

    private static readonly uint Power = Enumerable.Repeat(Base, RunLength).Aggregate(1u, (power, factor) => unchecked(power * factor));

    [ThreadStatic]
    private static RunTable? runs;

    public static TextQuality Of(IEnumerable<string> texts)
    {
        long visible = 0, letters = 0, broken = 0, repeated = 0, all = 0;
        RunTable table = runs ??= new RunTable();
        table.Clear();
        foreach (string text in texts)
        {
            Count(text, ref visible, ref letters, ref broken);
            Repeat(text.AsSpan(0, Math.Min(text.Length, MostRepetition)), table, ref repeated, ref all);
        }

        return new TextQuality(visible == 0 ? 1 : (double)letters / visible, all == 0 ? 0 : (double)repeated / all, visible == 0 ? 0 : (double)broken / visible);
    }

    private static void Count(string text, ref long visible, ref long letters, ref long broken)
    {
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            int kind = c < 128 ? AsciiKinds[c] : KindOf(text, ref i);
            visible += kind & Visible;
            letters += (kind & Letter) >> 1;
            broken += (kind & Broken) >> 2;
        }
    }

    /// <summary>The kind of the character that begins at i; moves i to its last code unit.</summary>
    private static int KindOf(string text, ref int i)
    {
        char c = text[i];
        bool pair = char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
        UnicodeCategory category = pair ? CharUnicodeInfo.GetUnicodeCategory(char.ConvertToUtf32(c, text[++i])) : CharUnicodeInfo.GetUnicodeCategory(c);
        return category switch
        {
            UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => 0,
            <= UnicodeCategory.OtherNumber => Visible | Letter,
            UnicodeCategory.Control or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate => Visible | Broken,
            _ => c == '\uFFFD' ? Visible | Broken : Visible,
        };
    }

    private static void Repeat(ReadOnlySpan<char> text, RunTable table, ref long repeated, ref long all)
    {
        if (text.Length < RunLength)
        {
            return;
        }

        table.Reserve(text.Length);
        uint rolling = 0;
        for (int i = 0; i < text.Length; i++)
        {
            rolling = (rolling * Base) + text[i];
            if (i >= RunLength)
            {
                rolling -= text[i - RunLength] * Power;
            }

            if (i >= RunLength - 1)
            {
                all++;
                repeated += table.Add(rolling) ? 0 : 1;
            }
        }
    }

    /// <summary>A set of hashes that is emptied at once: an entry counts only with the number of the present round.</summary>
    private sealed class RunTable
    {
        private ulong[] _entries = new ulong[1 << 12];
        private uint _round = 1;
        private int _shift = 32 - 12;
        private int _count;

        public void Clear()
        {
            _count = 0;
            if (++_round == 0)
            {
                Array.Clear(_entries);
                _round = 1;
            }
        }

        /// <summary>Makes room for so many more.</summary>
        public void Reserve(int more)
        {
            int wanted = (int)BitOperations.RoundUpToPowerOf2((uint)(_count + more) * 2);
            if (wanted > _entries.Length)
            {
                ulong[] old = _entries;
                _entries = new ulong[wanted];
                _shift = 32 - BitOperations.Log2((uint)wanted);
                _count = 0;
                foreach (ulong entry in old.Where(entry => entry >> 32 == _round))
                {
                    Add((uint)entry);
                }
            }
        }

        /// <summary>False where it is there already.</summary>
        public bool Add(uint hash)
        {
            ulong[] entries = _entries;
            ulong entry = ((ulong)_round << 32) | hash;
            for (uint i = hash * 0x9E3779B1 >> _shift; ; i = (i + 1) & (uint)(entries.Length - 1))
            {
                if (entries[i] == entry)
                {
                    return false;
                }

                if (entries[i] >> 32 != _round)
                {
                    entries[i] = entry;
                    _count++;
                    return true;
                }
            }
        }
    }
}
