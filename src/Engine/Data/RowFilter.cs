using FineTuneTool.Engine.Prompts;

namespace FineTuneTool.Engine.Data;

/// <summary>
/// Drops rows by length and exact duplicates, and counts them by reason. One filter goes with one pass over all sources in order;
/// the first of equal rows stays.
/// </summary>
public sealed class RowFilter(bool deduplicate, int minChars, int maxChars)
{
    private readonly HashSet<string> _seen = [];
    private readonly SortedDictionary<string, int> _dropped = new(StringComparer.Ordinal);

    /// <summary>Dropped rows by reason: duplicate, too short, too long.</summary>
    public IReadOnlyDictionary<string, int> Dropped => _dropped;

    public bool Keeps(Example example)
    {
        if (minChars > 0 || maxChars > 0)
        {
            int characters = ExampleContent.Characters(example);
            if (characters < minChars)
            {
                return Drop("too short");
            }

            if (maxChars > 0 && characters > maxChars)
            {
                return Drop("too long");
            }
        }

        return !deduplicate || _seen.Add(Convert.ToHexString(ExampleContent.Hash(example))) || Drop("duplicate");
    }

    private bool Drop(string reason)
    {
        _dropped[reason] = _dropped.GetValueOrDefault(reason) + 1;
        return false;
    }
}
