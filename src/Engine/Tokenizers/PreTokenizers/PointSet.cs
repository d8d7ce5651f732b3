using System.Globalization;
using System.Text;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>The code points that one place of an expression accepts.</summary>
internal sealed class PointSet
{
    private readonly List<(int First, int Last)> _ranges = [];
    private readonly List<PointSet> _parts = [];
    private readonly List<PointSet> _required = [];
    private PointClass _classes;
    private uint _categories;
    private sbyte[] _ascii = [];

    public bool Negated { get; set; }

    public bool IgnoreCase { get; set; }

    public static PointSet Everything { get; } = new() { Negated = true };

    public static PointSet AllBut(int point) => Of(point, ignoreCase: false, negated: true);

    public static PointSet Of(int point, bool ignoreCase, bool negated = false)
    {
        var set = new PointSet { IgnoreCase = ignoreCase, Negated = negated };
        set.Add(point, point);
        return set;
    }

    public static PointSet Of(PointClass classes, bool negated) => new() { _classes = classes, Negated = negated };

    public void Add(int first, int last) => _ranges.Add((first, last));

    public void Add(PointSet part) => _parts.Add(part);

    public void Add(UnicodeCategory category) => _categories |= 1u << (int)category;

    /// <summary>Only what <paramref name="other"/> accepts as well stays.</summary>
    public void IntersectWith(PointSet other) => _required.Add(other);

    public bool Contains(int point)
    {
        if (point >= 128)
        {
            return Decide(point);
        }

        sbyte[] known = _ascii;
        if (known.Length == 0)
        {
            known = new sbyte[128];
            for (int i = 0; i < known.Length; i++)
            {
                known[i] = (sbyte)(Decide(i) ? 1 : -1);
            }

            _ascii = known;
        }

        return known[point] > 0;
    }

    private bool Decide(int point)
    {
        bool holds = Holds(point) || (IgnoreCase && CaseVariants(point).Any(Holds));
        return (holds && _required.TrueForAll(set => set.Contains(point))) != Negated;
    }

    private bool Holds(int point) =>
        _ranges.Exists(range => point >= range.First && point <= range.Last) ||
        PointClasses.Is(point, _classes) ||
        (_categories >> (int)PointClasses.Category(point) & 1) != 0 ||
        _parts.Exists(part => part.Contains(point));

    /// <summary>Simple case folding: the long s and the Kelvin sign fold to ASCII letters, too.</summary>
    private static IEnumerable<int> CaseVariants(int point)
    {
        const int longS = 0x17F;
        const int kelvin = 0x212A;
        yield return Rune.ToLowerInvariant(new Rune(point)).Value;
        yield return Rune.ToUpperInvariant(new Rune(point)).Value;
        switch (point)
        {
            case longS:
                yield return 's';
                break;
            case kelvin:
                yield return 'k';
                break;
            case 's' or 'S':
                yield return longS;
                break;
            case 'k' or 'K':
                yield return kelvin;
                break;
        }
    }
}
