using System.Text;
using FineTuneTool.Engine.Tokenizers.PreTokenizers;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.Learning;

/// <summary>
/// How often each word stands in some texts. Words are cut as SmolLM2 cuts them: every digit alone, the rest as GPT-2 does, a space with the word after it.
/// </summary>
internal sealed class WordCounts(IReadOnlyList<string> specialTokens)
{
    /// <summary>Longer words, such as a line of hashes, count as several: what they would teach is not worth their time.</summary>
    private const int MostBytes = 1024;

    private static readonly SequencePreTokenizer Words = new([
        new SplitPreTokenizer(new PointPattern(point => PointClasses.Is(point, PointClass.Number)), SplitBehavior.Isolated, invert: false),
        new ByteLevelPreTokenizer(addPrefixSpace: false, useRegex: true, spell: false),
    ]);

    private readonly Dictionary<string, long> _counts = new(StringComparer.Ordinal);
    private readonly string[] _special = [.. specialTokens];

    /// <summary>Adds the words of a text; special tokens in it are no words.</summary>
    public void Add(string text)
    {
        foreach (string part in _special.Length == 0 ? [text] : text.Split(_special, StringSplitOptions.RemoveEmptyEntries))
        {
            int[] points = CodePoints.FromString(part);
            var pieces = new Pieces(new Segment(new AlignedText(points), 0, points.Length));
            Words.Apply(pieces);
            foreach (TextSpan span in pieces.Spans)
            {
                string word = CodePoints.ToString(points.AsSpan(span.Start, span.Length));
                _counts[word] = _counts.GetValueOrDefault(word) + 1;
            }
        }
    }

    /// <summary>The words as bytes, in the order of their letters, so that the order of the texts does not count.</summary>
    public IEnumerable<(byte[] Word, long Count)> All()
    {
        foreach ((string word, long count) in _counts.OrderBy(word => word.Key, StringComparer.Ordinal))
        {
            foreach (byte[] part in Encoding.UTF8.GetBytes(word).Chunk(MostBytes))
            {
                yield return (part, count);
            }
        }
    }
}
