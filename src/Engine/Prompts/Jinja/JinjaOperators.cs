namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>The signs of expressions.</summary>
internal static class JinjaOperators
{
    /// <summary>Longer ones before those that they begin with.</summary>
    private static readonly string[] All =
        ["**", "//", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"];

    /// <summary>The operator that stands at a place; null where none does.</summary>
    public static string? At(string source, int at)
    {
        foreach (string op in All)
        {
            if (string.CompareOrdinal(source, at, op, 0, op.Length) == 0)
            {
                return op;
            }
        }

        return null;
    }
}
