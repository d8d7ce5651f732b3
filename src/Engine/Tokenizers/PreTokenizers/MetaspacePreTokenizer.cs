namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>Where <see cref="MetaspacePreTokenizer"/> puts a mark in front.</summary>
internal enum PrependScheme
{
    Always,

    /// <summary>Only at the very beginning of the text.</summary>
    First,
    Never,
}

/// <summary>Writes a mark (▁) for every space and, by the scheme, one in front; then cuts before every mark.</summary>
internal sealed class MetaspacePreTokenizer(int mark, PrependScheme scheme, bool split) : PreTokenizer
{
    private readonly LiteralPattern _marks = new([mark]);

    public override void Apply(Pieces pieces)
    {
        pieces.Rewrite((text, span, builder) =>
        {
            int first = text.Points[span.Start];
            bool prepends = scheme == PrependScheme.Always || (scheme == PrependScheme.First && text.OriginalStart(span.Start) == 0);
            if (prepends && first != ' ' && first != mark)
            {
                builder.Add(mark, text, span.Start);
            }

            for (int i = span.Start; i < span.End; i++)
            {
                int point = text.Points[i];
                builder.Add(point == ' ' ? mark : point, text, i);
            }
        });
        if (split)
        {
            pieces.Split(_marks, SplitBehavior.MergedWithNext, invert: false);
        }
    }
}
