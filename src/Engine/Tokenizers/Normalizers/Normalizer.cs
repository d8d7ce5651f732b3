namespace FineTuneTool.Engine.Tokenizers.Normalizers;

/// <summary>Changes a text before it is cut into pieces, keeping track of what each code point stands for.</summary>
internal abstract class Normalizer
{
    public abstract Segment Normalize(Segment segment);

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
