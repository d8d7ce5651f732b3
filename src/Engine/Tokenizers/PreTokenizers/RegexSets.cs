using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>Parses what stands for one code point: escapes, properties, brackets.</summary>
internal sealed class RegexSets(RegexReader reader)
{
    /// <summary>What follows a backslash: a class, or null and the code point that is meant. <paramref name="listed"/>: inside brackets.</summary>
    public PointSet? Escaped(out int point, bool listed = false)
    {
        point = reader.Next();
        switch (point)
        {
            case 's' or 'S':
                return PointSet.Of(PointClass.WhiteSpace, point == 'S');
            case 'd' or 'D':
                return PointSet.Of(PointClass.Digit, point == 'D');
            case 'w' or 'W':
                return PointSet.Of(listed ? PointClass.ListedWord : PointClass.Word, point == 'W');
            case 'p' or 'P':
                return Property(negated: point == 'P');
            case 'x' when reader.Take('{'):
                point = reader.Hex(6);
                reader.Expect('}');
                return null;
            case 'x':
                point = reader.Hex(2);
                return null;
            case 'u':
                point = reader.Hex(4);
                return null;
            default:
                point = Control(point);
                return null;
        }
    }

    /// <summary>What follows "[", up to and with its "]".</summary>
    public PointSet Bracket()
    {
        var all = new PointSet { Negated = reader.Take('^') };
        var members = new PointSet { IgnoreCase = reader.IgnoreCase };
        all.Add(members);
        PointSet current = members;
        for (bool first = true; first || !reader.Take(']'); first = false)
        {
            if (reader.Peek() == '&' && reader.Peek(1) == '&')
            {
                reader.Position += 2;
                current = new PointSet { IgnoreCase = reader.IgnoreCase };
                members.IntersectWith(current);
            }
            else
            {
                Member(current);
            }
        }

        return all;
    }

    private static int Control(int point) => point switch
    {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'f' => '\f',
        'v' => '\v',
        'a' => '\a',
        'e' => 0x1B,
        '0' => 0,
        < 128 when char.IsAsciiLetterOrDigit((char)point) => throw new FormatException($"'\\{(char)point}' is not known"),
        _ => point,
    };

    private PointSet Property(bool negated)
    {
        string name = reader.Take('{') ? reader.Until('}') : CodePoints.ToString([reader.Next()]);
        if (name.StartsWith('^'))
        {
            (name, negated) = (name[1..], !negated);
        }

        return PropertyNames.Find(name, negated) ?? throw new FormatException($"the property '{name}' is not known");
    }

    private void Member(PointSet set)
    {
        if (reader.Take('['))
        {
            set.Add(reader.Peek() == ':' ? throw new FormatException("POSIX classes are not known") : reader.Nested(Bracket));
            return;
        }

        if (Point(set) is not int first)
        {
            return;
        }

        if (reader.Peek() != '-' || reader.Peek(1) == ']')
        {
            set.Add(first, first);
            return;
        }

        reader.Expect('-');
        int last = Point(set) ?? throw new FormatException("a range ends in a class");
        set.Add(first, last >= first ? last : throw new FormatException("a range is the wrong way round"));
    }

    /// <summary>A code point inside brackets; null where a class stood there, which was added.</summary>
    private int? Point(PointSet set)
    {
        int point = reader.Next();
        if (point != '\\')
        {
            return point;
        }

        if (reader.Take('b'))
        {
            return '\b';
        }

        if (Escaped(out point, listed: true) is not { } escaped)
        {
            return point;
        }

        set.Add(escaped);
        return null;
    }
}
