namespace FineTuneTool.Engine.Tokenizers.Normalizers;

/// <summary>Changes a text before it is cut into pieces, keeping track of what each code point stands for.</summary>
internal abstract class Normalizer
{
    public abstract Segment Normalize(Segment segment);

    /// <summary>
    /// The ranges of a rewritten text. A change says what a code point does: 1 = it is added to its predecessor; 0 = it takes the place of one;
    /// −n = of one and of the n that follow.
    /// </summary>
    protected static Segment Align(Segment segment, IEnumerable<(int Point, int Change)> units)
    {
        var builder = new AlignedText.Builder(segment.Length + 8);
        int next = segment.Start;
        foreach ((int point, int change) in units)
        {
            int source = change > 0 ? next - 1 : next;
            builder.Add(point, segment.Text, Math.Clamp(source, segment.Start, segment.End - 1));
            next += change > 0 ? 0 : 1 - change;
        }

        return Whole(builder);
    }

    protected static Segment Whole(AlignedText.Builder builder)
    {
        AlignedText text = builder.Build();
        return new Segment(text, 0, text.Length);
    }
}

/// <summary>One normalizer after the other.</summary>
internal sealed class SequenceNormalizer(IReadOnlyList<Normalizer> steps) : Normalizer
{
    public override Segment Normalize(Segment segment) => steps.Aggregate(segment, (text, step) => step.Normalize(text));
}
