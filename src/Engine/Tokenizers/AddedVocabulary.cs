using FineTuneTool.Engine.Tokenizers.Normalizers;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>A part of the text: either an added token (<paramref name="TokenId"/> ≥ 0) or text for the vocabulary (−1).</summary>
internal readonly record struct TextPart(Segment Segment, int TokenId);

/// <summary>
/// Cuts the added tokens out of a text: those that are not normalized from the original, then, in what lies between, the normalizer's
/// result is searched for the others. Order and flags as in the reference library's added vocabulary.
/// </summary>
internal sealed class AddedVocabulary
{
    private readonly AddedTokenTrie _raw = new();
    private readonly AddedTokenTrie _normalized = new();
    private readonly Normalizer? _normalizer;
    private readonly Dictionary<string, AddedToken> _byContent = [];
    private readonly Dictionary<int, string> _decoded = [];
    private readonly HashSet<string> _specialContents = [];

    public AddedVocabulary(IReadOnlyList<AddedToken> tokens, Normalizer? normalizer)
    {
        _normalizer = normalizer;
        foreach (AddedToken token in tokens)
        {
            if (token.Content.Length == 0 || !_byContent.TryAdd(token.Content, token))
            {
                continue;
            }

            _decoded[token.Id] = token.Content;
            if (token.Special)
            {
                _specialContents.Add(token.Content);
            }

            int[] pattern = CodePoints.FromString(token.Content);
            if (!token.Normalized)
            {
                _raw.Add(pattern, token);
            }
            else
            {
                var segment = new Segment(new AlignedText(pattern), 0, pattern.Length);
                ReadOnlySpan<int> normalized = (normalizer?.Normalize(segment) ?? segment).Points;
                _normalized.Add(normalized, token);
                _decoded[token.Id] = CodePoints.ToString(normalized);
            }
        }

        All = [.. _byContent.Values];
    }

    /// <summary>The added tokens in the order of the file, without repetitions.</summary>
    public IReadOnlyList<AddedToken> All { get; }

    public AddedToken? Find(string content) => _byContent.GetValueOrDefault(content);

    /// <summary>What an added token is decoded to: its normalized form where it is searched in normalized text, as the reference library does it.</summary>
    public string? Decoded(int id) => _decoded.GetValueOrDefault(id);

    /// <summary>True where a token with this text is left out by <c>skipSpecialTokens</c>.</summary>
    public bool IsSpecial(string content) => _specialContents.Contains(content);

    /// <summary>Cuts and normalizes a whole text. With <paramref name="specialAsText"/> special added tokens are ordinary text.</summary>
    public List<TextPart> Split(AlignedText text, bool specialAsText)
    {
        var whole = new Segment(text, 0, text.Length);
        var parts = new List<TextPart>();
        Cut(_raw, whole, specialAsText, parts);
        if (_normalizer is null && _normalized.IsEmpty)
        {
            return parts;
        }

        var normalized = new List<TextPart>(parts.Count);
        foreach (TextPart part in parts)
        {
            if (part.TokenId >= 0)
            {
                normalized.Add(part);
            }
            else
            {
                Cut(_normalized, _normalizer?.Normalize(part.Segment) ?? part.Segment, specialAsText, normalized);
            }
        }

        return normalized;
    }

    private static void Cut(AddedTokenTrie trie, Segment segment, bool specialAsText, List<TextPart> parts)
    {
        ReadOnlySpan<int> points = segment.Points;
        int done = 0;
        int from = 0;
        while (!trie.IsEmpty && trie.Find(points, from, out int start, out int end) is { } token)
        {
            from = end;
            if ((specialAsText && token.Special) || (token.SingleWord && TouchesWord(points, start, end)))
            {
                continue;
            }

            if (token.LStrip)
            {
                while (start > done && PointClasses.Is(points[start - 1], PointClass.WhiteSpace))
                {
                    start--;
                }

                // White space that the token before took is not taken twice.
                start = Math.Max(start, done);
            }

            if (token.RStrip)
            {
                while (end < points.Length && PointClasses.Is(points[end], PointClass.WhiteSpace))
                {
                    end++;
                }
            }

            if (start >= end)
            {
                continue;
            }

            AddText(segment, done, start, parts);
            parts.Add(new TextPart(new Segment(segment.Text, segment.Start + start, segment.Start + end), token.Id));
            done = end;
        }

        AddText(segment, done, points.Length, parts);
    }

    private static void AddText(Segment segment, int start, int end, List<TextPart> parts)
    {
        if (start < end)
        {
            parts.Add(new TextPart(new Segment(segment.Text, segment.Start + start, segment.Start + end), -1));
        }
    }

    private static bool TouchesWord(ReadOnlySpan<int> points, int start, int end) =>
        (start > 0 && PointClasses.Is(points[start - 1], PointClass.WordNeighbour)) ||
        (end < points.Length && PointClasses.Is(points[end], PointClass.WordNeighbour));
}
