namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>What a step of a <see cref="RegexProgram"/> does.</summary>
internal enum RegexStepKind
{
    /// <summary>Takes a code point of the set.</summary>
    Set,

    /// <summary>Takes as many code points of the set as there are between two counts, and can give back one at a time.</summary>
    Run,

    /// <summary>Goes on at First; if that fails, at Second.</summary>
    Split,

    /// <summary>Goes on at First.</summary>
    Jump,

    /// <summary>Goes back by First code points.</summary>
    Back,

    /// <summary>The steps after this one, up to their Match, must match; goes on at First, where they ended.</summary>
    Atomic,

    /// <summary>The steps after this one must match here; goes on at First, at the same place.</summary>
    Look,

    /// <summary>The steps after this one must not match here.</summary>
    LookNot,

    Anchor,
    Match,
}

/// <summary>One step; <paramref name="First"/> and <paramref name="Second"/> are steps or counts (−1: no limit), by kind.</summary>
internal readonly record struct RegexStep(RegexStepKind Kind, PointSet? Set = null, int First = 0, int Second = 0, Anchor Anchor = default);

/// <summary>Turns a parsed expression into steps. Throws <see cref="FormatException"/> where it is too large.</summary>
internal sealed class RegexProgram
{
    private const int MaxSteps = 20_000;

    private readonly List<RegexStep> _steps = [];

    private RegexProgram()
    {
    }

    public static RegexStep[] Compile(RegexNode node)
    {
        var program = new RegexProgram();
        program.Emit(node);
        program.Add(new RegexStep(RegexStepKind.Match));
        return [.. program._steps];
    }

    private void Emit(RegexNode node)
    {
        switch (node)
        {
            case SetNode set:
                Add(new RegexStep(RegexStepKind.Set, set.Set));
                break;
            case AnchorNode anchor:
                Add(new RegexStep(RegexStepKind.Anchor, Anchor: anchor.Anchor));
                break;
            case ConcatenationNode concatenation:
                foreach (RegexNode part in concatenation.Parts)
                {
                    Emit(part);
                }

                break;
            case AlternationNode alternation:
                EmitBranches(alternation.Branches, Emit);
                break;
            case RepeatNode { Body: SetNode body, Mode: RepeatMode.Greedy } run:
                Add(new RegexStep(RegexStepKind.Run, body.Set, run.Min, run.Max));
                break;
            case RepeatNode { Mode: RepeatMode.Possessive } repeat:
                EmitInner(RegexStepKind.Atomic, () => Emit(repeat with { Mode = RepeatMode.Greedy }));
                break;
            case RepeatNode repeat:
                EmitRepeat(repeat);
                break;
            case AtomicNode atomic:
                EmitInner(RegexStepKind.Atomic, () => Emit(atomic.Body));
                break;
            case LookNode look:
                EmitInner(look.Negated ? RegexStepKind.LookNot : RegexStepKind.Look, () => EmitLook(look));
                break;
        }
    }

    private void EmitBranches(IReadOnlyList<RegexNode> branches, Action<RegexNode> emit)
    {
        List<int> exits = [];
        for (int i = 0; i < branches.Count - 1; i++)
        {
            int split = Add(new RegexStep(RegexStepKind.Split));
            emit(branches[i]);
            exits.Add(Add(new RegexStep(RegexStepKind.Jump)));
            _steps[split] = new RegexStep(RegexStepKind.Split, First: split + 1, Second: _steps.Count);
        }

        emit(branches[^1]);
        exits.ForEach(exit => _steps[exit] = new RegexStep(RegexStepKind.Jump, First: _steps.Count));
    }

    private void EmitRepeat(RepeatNode repeat)
    {
        for (int i = 0; i < repeat.Min; i++)
        {
            Emit(repeat.Body);
        }

        List<int> splits = [];
        int loop = _steps.Count;
        for (int i = repeat.Min; i < (repeat.Max < 0 ? repeat.Min + 1 : repeat.Max); i++)
        {
            splits.Add(Add(new RegexStep(RegexStepKind.Split)));
            Emit(repeat.Body);
        }

        if (repeat.Max < 0)
        {
            Add(new RegexStep(RegexStepKind.Jump, First: loop));
        }

        foreach (int split in splits)
        {
            (int first, int second) = repeat.Mode == RepeatMode.Lazy ? (_steps.Count, split + 1) : (split + 1, _steps.Count);
            _steps[split] = new RegexStep(RegexStepKind.Split, First: first, Second: second);
        }
    }

    private void EmitInner(RegexStepKind kind, Action emit)
    {
        int start = Add(new RegexStep(kind));
        emit();
        Add(new RegexStep(RegexStepKind.Match));
        _steps[start] = new RegexStep(kind, First: _steps.Count);
    }

    private void EmitLook(LookNode look)
    {
        if (!look.Behind)
        {
            Emit(look.Body);
            return;
        }

        IReadOnlyList<RegexNode> branches = look.Body is AlternationNode alternation ? alternation.Branches : [look.Body];
        EmitBranches(branches, branch =>
        {
            Add(new RegexStep(RegexStepKind.Back, First: FixedLength(branch)));
            Emit(branch);
        });
    }

    private static int FixedLength(RegexNode node) => node switch
    {
        SetNode => 1,
        AnchorNode or LookNode => 0,
        AtomicNode atomic => FixedLength(atomic.Body),
        ConcatenationNode concatenation => concatenation.Parts.Sum(FixedLength),
        AlternationNode alternation when alternation.Branches.Select(FixedLength).Distinct().Count() == 1 => FixedLength(alternation.Branches[0]),
        RepeatNode repeat when repeat.Min == repeat.Max => repeat.Min * FixedLength(repeat.Body),
        _ => throw new FormatException("what it looks back at has no fixed length"),
    };

    private int Add(RegexStep step)
    {
        if (_steps.Count >= MaxSteps)
        {
            throw new FormatException("it is too large");
        }

        _steps.Add(step);
        return _steps.Count - 1;
    }
}
