using System.Runtime.CompilerServices;

namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>
/// Bounds what one rendering may cost, since templates come from strangers: steps (a unit of evaluation, or four characters or items
/// produced), the length of any text, the depth of recursion. One budget per rendering, found by the thread that renders.
/// </summary>
internal sealed class RenderBudget : IDisposable
{
    public const int MaxLength = 16 << 20;
    public const int MaxMacroDepth = 200;

    /// <summary>Largest integer, in bits: far above any use, small enough to compute with.</summary>
    public const int MaxIntegerBits = 8192;

    private const long MaxSteps = 8_000_000;

    [ThreadStatic]
    private static RenderBudget? t_current;

    private readonly RenderBudget? _outer = t_current;
    private long _steps;

    public RenderBudget() => t_current = this;

    /// <summary>One step of a recursive evaluation.</summary>
    public static void Step()
    {
        Spend(1);
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new JinjaError(JinjaErrorKind.Limit, "the template or a value in it is nested too deeply");
        }
    }

    /// <summary>Call before making a text of so many characters or a list of so many items.</summary>
    public static void Produce(long length)
    {
        if (length > MaxLength)
        {
            throw new JinjaError(JinjaErrorKind.Limit, $"the template makes a text or list of more than {MaxLength} characters or items");
        }

        Spend(1 + (length / 4));
    }

    public void Dispose() => t_current = _outer;

    private static void Spend(long steps)
    {
        if (t_current is { } budget && (budget._steps += steps) > MaxSteps)
        {
            throw new JinjaError(JinjaErrorKind.Limit, $"the template takes more than {MaxSteps} steps");
        }
    }
}
