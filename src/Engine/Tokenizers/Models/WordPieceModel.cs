namespace FineTuneTool.Engine.Tokenizers.Models;

/// <summary>
/// WordPiece (BERT): from the left, always the longest token; all but the first have a prefix (##). A word that cannot be spelt so to its end,
/// or that is too long, is one unknown token.
/// </summary>
internal sealed class WordPieceModel : TokenModel
{
    private readonly Vocabulary _vocabulary;
    private readonly PieceTrie _trie = new();
    private readonly int _continuation;
    private readonly int _unknownId;
    private readonly int _longestWord;

    public WordPieceModel(Vocabulary vocabulary, int unknownId, string prefix, int longestWord)
    {
        _vocabulary = vocabulary;
        _unknownId = unknownId;
        _longestWord = longestWord;
        for (int id = 0; id < vocabulary.Tokens.Count; id++)
        {
            if (vocabulary.Tokens[id] is { Length: > 0 } token)
            {
                _trie.Add(token, id);
            }
        }

        _continuation = _trie.Walk(prefix);
    }

    public override IReadOnlyList<string?> Tokens => _vocabulary.Tokens;

    public override int? TokenToId(string token) => _vocabulary.Find(token);

    public override void Encode(AlignedText text, int start, int end, TokenSink sink)
    {
        int first = sink.Ids.Count;
        bool spelt = end - start <= _longestWord;
        for (int from = start; spelt && from < end;)
        {
            int id = -1;
            int stop = from;
            int node = from == start ? PieceTrie.Root : _continuation;
            for (int to = from; to < end && node >= 0 && (node = _trie.Step(node, text.Points[to])) >= 0; to++)
            {
                if (_trie.Id(node) >= 0)
                {
                    (id, stop) = (_trie.Id(node), to + 1);
                }
            }

            spelt = id >= 0;
            if (spelt)
            {
                sink.Add(id, new TextSpan(text.OriginalStart(from), text.OriginalEnd(stop - 1)));
                from = stop;
            }
        }

        if (!spelt)
        {
            sink.RemoveFrom(first);
            sink.Add(_unknownId, new TextSpan(text.OriginalStart(start), text.OriginalEnd(end - 1)));
        }
    }
}
