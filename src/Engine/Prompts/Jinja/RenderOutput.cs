using System.Text;
using FineTuneTool.Engine.Prompts.Jinja.Values;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>Where statements print to. Only what is printed straight into the final text can have marked spans.</summary>
internal sealed class RenderOutput(bool isFinal)
{
    private readonly StringBuilder _text = new();
    private readonly List<TextSpan> _spans = [];
    private int _codePoints;

    public IReadOnlyList<TextSpan> Spans => _spans;

    public void Print(string text)
    {
        RenderBudget.Produce(_text.Length + (long)text.Length > RenderBudget.MaxLength ? _text.Length + (long)text.Length : text.Length);
        _text.Append(text);
        _codePoints += isFinal ? PyCharacters.Length(text) : 0;
    }

    /// <summary>Prints what the assistant said and remembers where.</summary>
    public void PrintMarked(string text)
    {
        int start = _codePoints;
        Print(text);
        if (isFinal)
        {
            _spans.Add(new TextSpan(start, _codePoints));
        }
    }

    public override string ToString() => _text.ToString();
}
