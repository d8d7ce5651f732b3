namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>A part of a parsed expression.</summary>
internal abstract record RegexNode
{
    /// <summary>The fewest code points that a match takes.</summary>
    public abstract int MinLength { get; }
}

/// <summary>One code point of a set.</summary>
internal sealed record SetNode(PointSet Set) : RegexNode
{
    public override int MinLength => 1;
}

/// <summary>One part after the other.</summary>
internal sealed record ConcatenationNode(IReadOnlyList<RegexNode> Parts) : RegexNode
{
    public override int MinLength { get; } = Parts.Aggregate(0, (sum, part) => (int)Math.Min(int.MaxValue, (long)sum + part.MinLength));
}

/// <summary>The first branch with which the whole matches.</summary>
internal sealed record AlternationNode(IReadOnlyList<RegexNode> Branches) : RegexNode
{
    public override int MinLength { get; } = Branches.Min(branch => branch.MinLength);
}

/// <summary>How a repetition gives back.</summary>
internal enum RepeatMode
{
    Greedy,
    Lazy,

    /// <summary>Never gives back.</summary>
    Possessive,
}

/// <summary><c>Body{Min,Max}</c>; a maximum of −1 is none.</summary>
internal sealed record RepeatNode(RegexNode Body, int Min, int Max, RepeatMode Mode) : RegexNode
{
    public override int MinLength { get; } = (int)Math.Min(int.MaxValue, (long)Body.MinLength * Min);
}

/// <summary><c>(?&gt;…)</c>: once matched, never tried another way.</summary>
internal sealed record AtomicNode(RegexNode Body) : RegexNode
{
    public override int MinLength => Body.MinLength;
}

/// <summary><c>(?=…)</c>, <c>(?!…)</c>, <c>(?&lt;=…)</c>, <c>(?&lt;!…)</c>; behind, the body has one length.</summary>
internal sealed record LookNode(RegexNode Body, bool Negated, bool Behind) : RegexNode
{
    public override int MinLength => 0;
}

/// <summary>A condition on a place.</summary>
internal enum Anchor
{
    LineStart,
    LineEnd,
    TextStart,
    TextEnd,
    WordBoundary,
    NoWordBoundary,
}

/// <summary>A place in the text.</summary>
internal sealed record AnchorNode(Anchor Anchor) : RegexNode
{
    public override int MinLength => 0;
}
