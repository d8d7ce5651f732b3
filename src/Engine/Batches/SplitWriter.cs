using System.Globalization;
using System.Numerics;
using System.Text;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Batches;

/// <summary>Writes the examples of one part of the data, counts them, and keeps the first few to show.</summary>
internal sealed class SplitWriter(string name, string path, int maxSeqLength) : IDisposable
{
    private const int ShownExamples = 5;
    private const int ShownTokens = 1000;

    private readonly TokenizedDatasetWriter _writer = new(path);
    private readonly int[] _lengths = new int[PowerOf(maxSeqLength) + 1];
    private readonly List<(TokenizedExample Example, SourcePosition Position)> _shown = [];
    private long _supervised;
    private int _truncated;
    private int _answersCut;
    private int _shortest = int.MaxValue;
    private int _longest;

    public int Rows => _writer.Count;

    public string Path => path;

    /// <param name="place">The file, by the name that the project gives it, and the line.</param>
    public void Add(TokenizedRow row, SourcePosition place)
    {
        foreach (TokenizedExample example in row.Examples)
        {
            _writer.Add(example, place);
            int length = example.Ids.Length;
            _supervised += example.SupervisedTokens;
            _truncated += row.Outcome == RowOutcome.Truncated ? 1 : 0;
            _answersCut += row.LostAnswer ? 1 : 0;
            _shortest = Math.Min(_shortest, length);
            _longest = Math.Max(_longest, length);
            _lengths[PowerOf(length)]++;
            if (_shown.Count < ShownExamples)
            {
                _shown.Add((example, place));
            }
        }
    }

    public SplitStatistics Complete()
    {
        _writer.Complete();
        LengthBucket[] buckets = [.. _lengths.Select((rows, power) => new LengthBucket((int)Math.Min(1L << power, maxSeqLength), rows)).Where(bucket => bucket.Rows > 0)];
        int packed = Packer.BestFitDecreasing(_writer.Lengths, maxSeqLength).Length;
        return new SplitStatistics(Rows, _writer.Tokens, _supervised, _truncated, Rows == 0 ? 0 : _shortest, _longest, buckets)
        {
            AnswersCut = _answersCut,
            PackedRows = packed,
            PackingEfficiency = packed == 0 ? 0 : Math.Round((double)_writer.Tokens / ((double)packed * maxSeqLength), 6),
        };
    }

    /// <summary>The first examples as the model sees them; ⟦ and ⟧ stand around what is learnt.</summary>
    public void Preview(StringBuilder text, Tokenizer tokenizer)
    {
        foreach ((TokenizedExample example, SourcePosition position) in _shown)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"──── {name}: {System.IO.Path.GetFileName(position.File)}({position.Line}), {example.Ids.Length} tokens, {example.SupervisedTokens} learnt\n");
            int shown = Math.Min(example.Ids.Length, ShownTokens);
            for (int start = 0; start < shown;)
            {
                bool learnt = example.Labels[start] != TokenizedExample.Ignored;
                int end = start + 1;
                while (end < shown && example.Labels[end] != TokenizedExample.Ignored == learnt)
                {
                    end++;
                }

                string piece = tokenizer.Decode(example.Ids.AsSpan(start, end - start), skipSpecialTokens: false);
                text.Append(learnt ? $"⟦{piece}⟧" : piece);
                start = end;
            }

            text.Append(shown < example.Ids.Length ? " …\n\n" : "\n\n");
        }
    }

    public void Dispose() => _writer.Dispose();

    /// <summary>The power of two that a length is at most: 5 … 8 give 3.</summary>
    private static int PowerOf(int length) => BitOperations.Log2((uint)Math.Max(1, (2 * length) - 1));
}
