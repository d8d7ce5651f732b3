namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>A text and the pieces that it has been cut into so far; pieces are never empty.</summary>
internal sealed class Pieces
{
    private List<TextSpan> _next = [];

    public Pieces(Segment segment) => Reset(segment);

    public AlignedText Text { get; private set; } = null!;

    /// <summary>Ranges of <see cref="Text"/>, in order.</summary>
    public List<TextSpan> Spans { get; private set; } = [];

    /// <summary>Begins a new text, as one piece.</summary>
    public void Reset(Segment segment)
    {
        Text = segment.Text;
        Spans.Clear();
        if (segment.Length > 0)
        {
            Spans.Add(new TextSpan(segment.Start, segment.End));
        }
    }

    /// <summary>Cuts every piece by a pattern.</summary>
    public void Split(SplitPattern pattern, SplitBehavior behavior, bool invert)
    {
        _next.Clear();
        foreach (TextSpan span in Spans)
        {
            SplitBehaviors.Split(Text.Points.AsSpan(span.Start, span.Length), span.Start, pattern, behavior, invert, _next);
        }

        (Spans, _next) = (_next, Spans);
    }

    /// <summary>Rewrites every piece; the builder that the action gets already holds the pieces before.</summary>
    public void Rewrite(Action<AlignedText, TextSpan, AlignedText.Builder> rewrite)
    {
        var builder = new AlignedText.Builder(Text.Length + 8);
        _next.Clear();
        foreach (TextSpan span in Spans)
        {
            int start = builder.Length;
            rewrite(Text, span, builder);
            if (builder.Length > start)
            {
                _next.Add(new TextSpan(start, builder.Length));
            }
        }

        Text = builder.Build();
        (Spans, _next) = (_next, Spans);
    }
}

/// <summary>Cuts a text into the pieces that the vocabulary encodes one by one.</summary>
internal abstract class PreTokenizer
{
    public abstract void Apply(Pieces pieces);
}

/// <summary>One pre-tokenizer after the other.</summary>
internal sealed class SequencePreTokenizer(IReadOnlyList<PreTokenizer> steps) : PreTokenizer
{
    public override void Apply(Pieces pieces)
    {
        foreach (PreTokenizer step in steps)
        {
            step.Apply(pieces);
        }
    }
}

/// <summary>Cuts at the matches of a pattern; what happens with the matches themselves is the behavior.</summary>
internal sealed class SplitPreTokenizer(SplitPattern pattern, SplitBehavior behavior, bool invert) : PreTokenizer
{
    public override void Apply(Pieces pieces) => pieces.Split(pattern, behavior, invert);
}
