using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>
/// An expression of tokenizer.json for which there is no scanner: a backtracking matcher over code points. (.NET's own works on UTF-16
/// units, where letters beyond the first plane are not letters.) An expression that needs very many steps on a text is refused with FT0202.
/// </summary>
internal sealed class RegexPattern : SplitPattern
{
    private const long StepsPerText = 20_000_000;
    private const long StepsPerPoint = 100;

    [ThreadStatic]
    private static List<Alternative>? alternatives;

    private readonly string _pattern;
    private readonly RegexStep[] _steps;

    /// <summary>Throws <see cref="FormatException"/> with the reason where the expression is not supported.</summary>
    public RegexPattern(string pattern)
    {
        _pattern = pattern;
        _steps = RegexProgram.Compile(RegexParser.Parse(pattern));
    }

    public override bool Find(ReadOnlySpan<int> text, int from, out int start, out int end)
    {
        List<Alternative> stack = alternatives ??= [];
        stack.Clear();
        long left = StepsPerText + (StepsPerPoint * text.Length);
        for (start = from; start <= text.Length; start++)
        {
            end = Match(text, 0, start, stack, ref left);
            if (end >= 0)
            {
                return true;
            }
        }

        start = end = text.Length;
        return false;
    }

    /// <summary>Runs steps from <paramref name="step"/> to their Match; returns where the match ends, or −1.</summary>
    private int Match(ReadOnlySpan<int> text, int step, int at, List<Alternative> stack, ref long left)
    {
        int bottom = stack.Count;
        while (true)
        {
            if (--left < 0)
            {
                throw TooManySteps(text.Length);
            }

            RegexStep current = _steps[step];
            bool holds = true;
            switch (current.Kind)
            {
                case RegexStepKind.Set:
                    holds = at < text.Length && current.Set!.Contains(text[at++]);
                    step++;
                    break;
                case RegexStepKind.Run:
                    int most = current.Second < 0 ? text.Length : Math.Min(text.Length, at + current.Second);
                    int stop = at;
                    while (stop < most && current.Set!.Contains(text[stop]))
                    {
                        stop++;
                    }

                    holds = stop - at >= current.First;
                    step++;
                    if (holds && stop - at > current.First)
                    {
                        stack.Add(new Alternative(step, stop - 1, at + current.First));
                    }

                    left -= stop - at;
                    at = stop;
                    break;
                case RegexStepKind.Split:
                    stack.Add(new Alternative(current.Second, at, at));
                    step = current.First;
                    break;
                case RegexStepKind.Jump:
                    step = current.First;
                    break;
                case RegexStepKind.Back:
                    at -= current.First;
                    holds = at >= 0;
                    step++;
                    break;
                case RegexStepKind.Atomic:
                    at = Match(text, step + 1, at, stack, ref left);
                    holds = at >= 0;
                    step = current.First;
                    break;
                case RegexStepKind.Look or RegexStepKind.LookNot:
                    holds = Match(text, step + 1, at, stack, ref left) >= 0 == (current.Kind == RegexStepKind.Look);
                    step = current.First;
                    break;
                case RegexStepKind.Anchor:
                    holds = Holds(current.Anchor, text, at);
                    step++;
                    break;
                default:
                    stack.RemoveRange(bottom, stack.Count - bottom);
                    return at;
            }

            if (holds)
            {
                continue;
            }

            if (stack.Count == bottom)
            {
                return -1;
            }

            Alternative next = stack[^1];
            (step, at) = (next.Step, next.At);
            if (next.At > next.Lowest)
            {
                stack[^1] = next with { At = next.At - 1 };
            }
            else
            {
                stack.RemoveAt(stack.Count - 1);
            }
        }
    }

    private static bool Holds(Anchor anchor, ReadOnlySpan<int> text, int at) => anchor switch
    {
        Anchor.LineStart => at == 0 || text[at - 1] == '\n',
        Anchor.LineEnd => at == text.Length || text[at] == '\n',
        Anchor.TextStart => at == 0,
        Anchor.TextEnd => at == text.Length,
        _ => IsBoundary(text, at) == (anchor == Anchor.WordBoundary),
    };

    private static bool IsBoundary(ReadOnlySpan<int> text, int at)
    {
        bool before = at > 0 && PointClasses.Is(text[at - 1], PointClass.Word);
        bool after = at < text.Length && PointClasses.Is(text[at], PointClass.Word);
        return before != after;
    }

    private FineTuneException TooManySteps(int length) => new(
        Codes.UnsupportedTokenizer,
        $"The tokenizer's pattern '{_pattern}' needs too many steps on a text of {length} characters.",
        "Cut the text into shorter ones, or use a tokenizer whose pattern does not go back so often.");

    /// <summary>Another way to go on: at a step, from a place, or from any place down to the lowest.</summary>
    private readonly record struct Alternative(int Step, int At, int Lowest);
}
