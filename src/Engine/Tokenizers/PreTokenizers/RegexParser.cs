namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>
/// Parses the expressions of tokenizer.json: Oniguruma's syntax, without back references, recursion and named groups.
/// Throws <see cref="FormatException"/> with the reason for what it does not know.
/// </summary>
internal sealed class RegexParser
{
    private const int MaxRepeat = 1000;

    private readonly RegexReader _reader;
    private readonly RegexSets _sets;

    private RegexParser(string pattern)
    {
        _reader = new RegexReader(pattern);
        _sets = new RegexSets(_reader);
    }

    public static RegexNode Parse(string pattern)
    {
        var parser = new RegexParser(pattern);
        RegexNode node = parser.Alternation();
        return parser._reader.AtEnd ? node : throw new FormatException("there is a ')' too many");
    }

    /// <summary>Branches up to the end of the group; an option that was set in it ends with it.</summary>
    private RegexNode Alternation() => _reader.Nested(() =>
    {
        bool ignoreCase = _reader.IgnoreCase;
        List<RegexNode> branches = [Concatenation()];
        while (_reader.Take('|'))
        {
            branches.Add(Concatenation());
        }

        _reader.IgnoreCase = ignoreCase;
        return branches is [var only] ? only : new AlternationNode(branches);
    });

    private RegexNode Concatenation()
    {
        List<RegexNode> parts = [];
        while (_reader.Peek() is not ('|' or ')' or -1))
        {
            parts.Add(Quantified(Atom()));
        }

        return parts is [var only] ? only : new ConcatenationNode(parts);
    }

    private RegexNode Quantified(RegexNode atom)
    {
        while (Quantifier(out int min, out int max, out bool interval))
        {
            // After an interval "+" is another quantifier, not a possessive mark.
            RepeatMode mode = _reader.Take('?') ? RepeatMode.Lazy : !interval && _reader.Take('+') ? RepeatMode.Possessive : RepeatMode.Greedy;
            if (atom.MinLength == 0 && max is < 0 or > 1)
            {
                throw new FormatException("something that may be empty is repeated");
            }

            atom = new RepeatNode(atom, min, max, mode);
        }

        return atom;
    }

    private bool Quantifier(out int min, out int max, out bool interval)
    {
        interval = false;
        (min, max) = _reader.Peek() switch { '+' => (1, -1), '?' => (0, 1), _ => (0, -1) };
        if (_reader.Take('*') || _reader.Take('+') || _reader.Take('?'))
        {
            return true;
        }

        int before = _reader.Position;
        if (!_reader.Take('{'))
        {
            return false;
        }

        interval = true;
        int? low = _reader.Number(MaxRepeat);
        int? high = _reader.Take(',') ? _reader.Number(MaxRepeat) : low;
        if (!_reader.Take('}') || (low is null && high is null))
        {
            // Not an interval: a brace like any other character.
            _reader.Position = before;
            return false;
        }

        (min, max) = (low ?? 0, high ?? -1);
        bool inRange = min <= MaxRepeat && max <= MaxRepeat && (max < 0 || max >= min);
        return inRange ? true : throw new FormatException("an interval is out of range");
    }

    private RegexNode Atom()
    {
        int point = _reader.Next();
        return point switch
        {
            '(' => Group(),
            '[' => new SetNode(_reader.Nested(_sets.Bracket)),
            '.' => new SetNode(PointSet.AllBut('\n')),
            '^' => new AnchorNode(Anchor.LineStart),
            '$' => new AnchorNode(Anchor.LineEnd),
            '\\' => Escape(),
            '*' or '+' or '?' => throw new FormatException("there is nothing to repeat"),
            _ => new SetNode(PointSet.Of(point, _reader.IgnoreCase)),
        };
    }

    private RegexNode Escape()
    {
        Anchor? anchor = _reader.Peek() switch
        {
            'A' => Anchor.TextStart,
            'z' or 'Z' => Anchor.TextEnd,
            'b' => Anchor.WordBoundary,
            'B' => Anchor.NoWordBoundary,
            _ => null,
        };
        if (anchor is { } place)
        {
            _reader.Next();
            return new AnchorNode(place);
        }

        return new SetNode(_sets.Escaped(out int point) ?? PointSet.Of(point, _reader.IgnoreCase));
    }

    private RegexNode Group()
    {
        if (!_reader.Take('?') || _reader.Take(':'))
        {
            return Closed(static body => body);
        }

        switch (_reader.Next())
        {
            case '>':
                return Closed(static body => new AtomicNode(body));
            case '=':
                return Closed(static body => new LookNode(body, Negated: false, Behind: false));
            case '!':
                return Closed(static body => new LookNode(body, Negated: true, Behind: false));
            case '<' when _reader.Take('='):
                return Closed(static body => new LookNode(body, Negated: false, Behind: true));
            case '<' when _reader.Take('!'):
                return Closed(static body => new LookNode(body, Negated: true, Behind: true));
            case 'i':
                return Option(ignoreCase: true);
            case '-' when _reader.Take('i'):
                return Option(ignoreCase: false);
            default:
                throw new FormatException("a group is of a kind that is not known");
        }
    }

    private RegexNode Closed(Func<RegexNode, RegexNode> wrap)
    {
        RegexNode body = Alternation();
        _reader.Expect(')');
        return wrap(body);
    }

    /// <summary><c>(?i)</c>, up to the end of the group around it, or <c>(?i:…)</c>.</summary>
    private RegexNode Option(bool ignoreCase)
    {
        bool before = _reader.IgnoreCase;
        _reader.IgnoreCase = ignoreCase;
        bool toTheEnd = _reader.Take(')');
        if (!toTheEnd)
        {
            _reader.Expect(':');
        }

        RegexNode body = toTheEnd ? Alternation() : Closed(static inner => inner);
        _reader.IgnoreCase = before;
        return body;
    }
}
