using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.Normalizers;

/// <summary>
/// The Unicode normalization forms: NFC, NFD, NFKC, NFKD (UAX 15). What a code point stands for follows the reference library: a composed
/// one for its base alone, those of a decomposition each for the whole.
/// </summary>
internal sealed class UnicodeNormalizer(bool compose, bool compatibility) : Normalizer
{
    /// <summary>One code point of the result, with its combining class; changes are those of <see cref="Normalizer.Align"/>.</summary>
    private readonly record struct Unit(int Point, byte Class, int Change);

    public override Segment Normalize(Segment segment)
    {
        if (IsNormal(segment.Points))
        {
            return segment;
        }

        List<Unit> units = Decompose(segment.Points);
        Reorder(units);
        return Align(segment, (compose ? Compose(units) : units).Select(static unit => (unit.Point, unit.Change)));
    }

    private bool IsNormal(ReadOnlySpan<int> points)
    {
        foreach (int point in points)
        {
            if (point >= 0xA0 && !(compose && !compatibility && NormalizationTables.IsComposed(point)))
            {
                return false;
            }
        }

        return true;
    }

    private List<Unit> Decompose(ReadOnlySpan<int> points)
    {
        var units = new List<Unit>(points.Length + 16);
        var parts = new List<int>();
        foreach (int point in points)
        {
            parts.Clear();
            NormalizationTables.Decompose(point, compatibility, parts);
            for (int i = 0; i < parts.Count; i++)
            {
                units.Add(new Unit(parts[i], NormalizationTables.CombiningClass(parts[i]), i == 0 ? 0 : 1));
            }
        }

        return units;
    }

    /// <summary>Sorts every run of marks by combining class, keeping the order of equals.</summary>
    private static void Reorder(List<Unit> units)
    {
        for (int start = 0; start < units.Count; start++)
        {
            int end = start;
            bool sorted = true;
            while (end < units.Count && units[end].Class != 0)
            {
                sorted &= end == start || units[end - 1].Class <= units[end].Class;
                end++;
            }

            if (!sorted)
            {
                Unit[] run = [.. units.GetRange(start, end - start).OrderBy(static unit => unit.Class)];
                for (int i = 0; i < run.Length; i++)
                {
                    units[start + i] = run[i];
                }
            }

            start = Math.Max(start, end - 1);
        }
    }

    private static List<Unit> Compose(List<Unit> units)
    {
        var output = new List<Unit>(units.Count);
        int starter = -1;
        int lastClass = -1;
        foreach (Unit unit in units)
        {
            // A mark is blocked from the starter by one of the same or a higher class that stays between them.
            bool blocked = lastClass >= 0 && lastClass >= unit.Class;
            int composed = starter < 0 || blocked ? -1 : NormalizationTables.Compose(output[starter].Point, unit.Point);
            if (composed >= 0)
            {
                output[starter] = new Unit(composed, 0, output[starter].Change + unit.Change - 1);
                continue;
            }

            output.Add(unit);
            if (unit.Class == 0)
            {
                starter = output.Count - 1;
                lastClass = -1;
            }
            else if (starter >= 0)
            {
                lastClass = unit.Class;
            }
        }

        return output;
    }
}
