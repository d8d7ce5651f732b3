using System.Buffers;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.Models;

/// <summary>
/// Unigram language model: of all ways to spell a piece, the one whose tokens have the largest sum of scores (Kudo 2018, Viterbi).
/// A code point that no token covers costs the smallest score less 10; neighbouring ones become one unknown token, or their bytes.
/// </summary>
internal sealed class UnigramModel : TokenModel
{
    private const double UnknownPenalty = 10;

    private readonly Vocabulary _vocabulary;
    private readonly double[] _scores;
    private readonly double _unknownScore;
    private readonly int? _unknownId;
    private readonly int[]? _byteIds;
    private readonly PieceTrie _trie = new();

    /// <param name="vocabulary">The pieces.</param>
    /// <param name="scores">Logarithms of probabilities by id.</param>
    /// <param name="unknownId">The token of what cannot be spelt; without one such a text is refused with FT0201.</param>
    /// <param name="byteFallback">What cannot be spelt is written as <c>&lt;0xNN&gt;</c> tokens where all of them exist.</param>
    public UnigramModel(Vocabulary vocabulary, double[] scores, int? unknownId, bool byteFallback)
    {
        _vocabulary = vocabulary;
        _scores = scores;
        _unknownId = unknownId;
        _unknownScore = scores.DefaultIfEmpty().Min() - UnknownPenalty;
        for (int id = 0; id < vocabulary.Tokens.Count; id++)
        {
            if (vocabulary.Tokens[id] is { Length: > 0 } token)
            {
                _trie.Add(token, id);
            }
        }

        int?[] bytes = [.. Enumerable.Range(0, 256).Select(value => vocabulary.Find($"<0x{value:X2}>"))];
        _byteIds = byteFallback ? Array.ConvertAll(bytes, static id => id ?? -1) : null;
    }

    public override IReadOnlyList<string?> Tokens => _vocabulary.Tokens;

    public override int? TokenToId(string token) => _vocabulary.Find(token);

    public override void Encode(AlignedText text, int start, int end, TokenSink sink)
    {
        ReadOnlySpan<int> points = text.Points.AsSpan(start, end - start);
        Node[] rented = ArrayPool<Node>.Shared.Rent(points.Length + 1);
        Span<Node> nodes = rented.AsSpan(0, points.Length + 1);
        nodes.Fill(new Node(double.NegativeInfinity, -1, -1));
        nodes[0] = nodes[0] with { Score = 0 };
        FindBest(points, nodes);
        LinkForward(nodes);
        for (int from = 0; from < points.Length;)
        {
            int to = nodes[from].Link;
            int id = nodes[to].Id;
            while (id == _unknownId && to < points.Length && nodes[nodes[to].Link].Id == id)
            {
                to = nodes[to].Link;
            }

            var span = new TextSpan(text.OriginalStart(start + from), text.OriginalEnd(start + to - 1));
            if (id == _unknownId)
            {
                AddUnknown(points[from..to], span, sink);
            }
            else
            {
                sink.Add(id, span);
            }

            from = to;
        }

        ArrayPool<Node>.Shared.Return(rented);
    }

    /// <summary>Fills in, for every place, the best way to it: its score, its last token and where that begins.</summary>
    private void FindBest(ReadOnlySpan<int> points, Span<Node> nodes)
    {
        for (int from = 0; from < points.Length; from++)
        {
            double score = nodes[from].Score;
            bool single = false;
            int node = PieceTrie.Root;
            for (int to = from; to < points.Length && (node = _trie.Step(node, points[to])) >= 0; to++)
            {
                if (_trie.Id(node) is int id and >= 0)
                {
                    Improve(ref nodes[to + 1], score + _scores[id], from, id);
                    single |= to == from;
                }
            }

            if (!single)
            {
                Improve(ref nodes[from + 1], score + _unknownScore, from, _unknownId ?? throw NoUnknown(points[from]));
            }
        }
    }

    private static void Improve(ref Node node, double score, int from, int id)
    {
        if (node.Link < 0 || score > node.Score)
        {
            node = new Node(score, from, id);
        }
    }

    /// <summary>Turns the links back into links forward, along the best way.</summary>
    private static void LinkForward(Span<Node> nodes)
    {
        int next = -1;
        for (int at = nodes.Length - 1; at >= 0;)
        {
            int previous = nodes[at].Link;
            nodes[at] = nodes[at] with { Link = next };
            next = at;
            at = previous;
        }
    }

    private void AddUnknown(ReadOnlySpan<int> points, TextSpan span, TokenSink sink)
    {
        string text = CodePoints.ToString(points);
        if (_vocabulary.Find(text) is int id)
        {
            sink.Add(id, span);
            return;
        }

        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(text);
        if (_byteIds is null || Array.Exists(bytes, value => _byteIds[value] < 0))
        {
            sink.Add(_unknownId!.Value, span);
            return;
        }

        foreach (byte value in bytes)
        {
            sink.Add(_byteIds[value], span);
        }
    }

    private static FineTuneException NoUnknown(int point) => new(
        Codes.BadTokenizer, $"The vocabulary cannot spell U+{point:X4} and has no unknown token.", "Restore tokenizer.json from the model's source.");

    /// <summary>The best way to a place: its score, the place that its last token begins at, and that token.</summary>
    private readonly record struct Node(double Score, int Link, int Id);
}
