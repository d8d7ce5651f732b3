using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>
/// Decodes ids one at a time, giving out only whole characters: text that ends in U+FFFD is held back, as more bytes may come.
/// What was given out is never taken back. Not for several threads.
/// </summary>
public sealed class StreamingDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;
    private readonly List<byte> _bytes = [];
    private readonly List<int> _ids = [];
    private string _prefix = "";
    private int _prefixIds;

    internal StreamingDecoder(Tokenizer tokenizer, bool skipSpecialTokens)
    {
        _tokenizer = tokenizer;
        _skipSpecialTokens = skipSpecialTokens;
    }

    /// <summary>Takes the next id; returns the text that can be read now and was not returned before, or "".</summary>
    public string Append(int id) => _tokenizer.DecodesBytes ? AppendBytes(id) : AppendToken(id);

    /// <summary>Returns what is still held back, with U+FFFD for bytes that never became a character, and begins anew.</summary>
    public string Flush()
    {
        string rest = _tokenizer.DecodesBytes ? CodePoints.Lossy([.. _bytes]) : After(_tokenizer.Decode([.. _ids], _skipSpecialTokens));
        _bytes.Clear();
        _ids.Clear();
        _prefix = "";
        _prefixIds = 0;
        return rest;
    }

    private string AppendBytes(int id)
    {
        _bytes.AddRange(_tokenizer.BytesOf(id, _skipSpecialTokens));
        string text = CodePoints.Lossy([.. _bytes]);
        if (text.Length == 0 || text.EndsWith('\uFFFD'))
        {
            return "";
        }

        _bytes.Clear();
        return text;
    }

    /// <summary>Other decoders look at neighbouring tokens, so the ids of the last text that was given out stay as context.</summary>
    private string AppendToken(int id)
    {
        if (_prefix.Length == 0 && _ids.Count > 0)
        {
            string before = _tokenizer.Decode([.. _ids], _skipSpecialTokens);
            if (!before.EndsWith('\uFFFD'))
            {
                _prefix = before;
                _prefixIds = _ids.Count;
            }
        }

        _ids.Add(id);
        string text = _tokenizer.Decode([.. _ids], _skipSpecialTokens);
        if (text.Length <= _prefix.Length || text.EndsWith('\uFFFD'))
        {
            return "";
        }

        string added = After(text);
        int context = _ids.Count - _prefixIds;
        _ids.RemoveRange(0, _prefixIds);
        _prefix = _tokenizer.Decode([.. _ids], _skipSpecialTokens);
        _prefixIds = context;
        return added;
    }

    private string After(string text) => text.StartsWith(_prefix, StringComparison.Ordinal) ? text[_prefix.Length..] : text;
}
