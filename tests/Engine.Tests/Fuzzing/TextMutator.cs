using System.Text;
using System.Text.RegularExpressions;

namespace FineTuneTool.Engine.Tests.Fuzzing;

/// <summary>
/// Damages texts by their words and signs: swaps, repetitions, gaps, pieces of other seeds, huge numbers, odd characters, deep nesting.
/// What comes out still looks like the format, so that it reaches what byte edits do not.
/// </summary>
internal static partial class TextMutator
{
    private static readonly string[] Numbers =
        ["0", "-0", "-1", "1e999", "-1e-999", "99999999999999999999", "9223372036854775808", "2147483648", "4294967296", "0.1e400", "NaN", "Infinity", "1e", "00", "0x7f", "1_0"];

    private static readonly string[] Oddities =
        ["\0", "\uFEFF", "\u2028", "\u0085", "\uFFFF", "😀", "가", "\r", "\r\n", "\t", "\\", "\\u0000", "\\ud800", "\\uDFFF\\ud800", "\"", "'", "\"\"", "''", "null", "true", "[]", "{}", ",", ",,", ":", "#", "<unk>", "\u0300\u0300"];

    /// <param name="openings">What may be nested: pairs of an opening and a closing text.</param>
    public static byte[] Mutate(byte[] seed, byte[] other, IReadOnlyList<(string Open, string Close)> openings, FuzzRandom random)
    {
        List<string> tokens = Tokens(seed);
        for (int edits = 1 + random.Below(4); edits > 0 && tokens.Count > 0; edits--)
        {
            int at = random.Below(tokens.Count), length = Math.Min(1 + random.Below(6), tokens.Count - at);
            switch (random.Below(9))
            {
                case 0:
                    int with = random.Below(tokens.Count);
                    (tokens[at], tokens[with]) = (tokens[with], tokens[at]);
                    break;
                case 1:
                    tokens.InsertRange(at, tokens.GetRange(at, length));
                    break;
                case 2:
                    tokens.RemoveRange(at, length);
                    break;
                case 3:
                    List<string> piece = Tokens(other);
                    int from = random.Below(piece.Count);
                    tokens.InsertRange(at, piece.GetRange(from, Math.Min(1 + random.Below(12), piece.Count - from)));
                    break;
                case 4:
                    int number = tokens.FindIndex(at, token => token.Length > 0 && char.IsAsciiDigit(token[0]));
                    tokens[number < 0 ? at : number] = random.Of(Numbers);
                    break;
                case 5:
                    tokens.Insert(at, random.Of(Oddities));
                    break;
                case 6:
                    tokens[at] = random.Of(Oddities);
                    break;
                case 7 when random.Below(8) == 0:
                    Nest(tokens, at, random.Of(openings), 1 << random.Below(14));
                    break;
                case 8 when random.Below(8) == 0:
                    tokens[at] = string.Concat(Enumerable.Repeat(tokens[at], 1 + random.Below(400)));
                    break;
            }
        }

        return Encoding.UTF8.GetBytes(string.Concat(tokens));
    }

    private static void Nest(List<string> tokens, int at, (string Open, string Close) pair, int depth)
    {
        tokens.Insert(at, string.Concat(Enumerable.Repeat(pair.Open, depth)));
        tokens.Insert(at + 1 + ((tokens.Count - at - 1) / 2), string.Concat(Enumerable.Repeat(pair.Close, depth)));
    }

    private static List<string> Tokens(byte[] text) => [.. Word().Matches(Encoding.UTF8.GetString(text)).Select(match => match.Value)];

    [GeneratedRegex(@"\w+|\s+|.", RegexOptions.Singleline)]
    private static partial Regex Word();
}
