using System.Text;
using FineTuneTool.Engine.Prompts.Jinja.Values;

namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>
/// Cuts a template into tokens, with trim_blocks (the newline after a block tag goes) and lstrip_blocks (blanks before a block
/// tag that begins its line go) as chat templates are rendered; "-" strips more, "+" keeps. CRLF becomes LF; one final newline is lost.
/// </summary>
internal sealed class JinjaLexer
{
    private readonly string _source;
    private readonly bool _trim;
    private readonly List<JinjaToken> _tokens = [];
    private int _at;
    private int _line = 1;

    // True where the text at _at begins a line: at the start and after a tag that swallowed its newline.
    private bool _lineStarting = true;

    private JinjaLexer(string source, bool trim) => (_source, _trim) = (source, trim);

    /// <param name="trim">trim_blocks, lstrip_blocks and the loss of the final newline; without it only signs strip.</param>
    public static List<JinjaToken> Tokenize(string template, bool trim)
    {
        string source = template.Replace("\r\n", "\n").Replace('\r', '\n');
        var lexer = new JinjaLexer(trim && source.EndsWith('\n') ? source[..^1] : source, trim);
        lexer.Run();
        return lexer._tokens;
    }

    private void Run()
    {
        while (_at < _source.Length)
        {
            int tag = NextTag(_at);
            if (tag < 0)
            {
                Emit(JinjaTokenKind.Data, _source[_at..]);
                Advance(_source.Length);
                break;
            }

            char kind = _source[tag + 1];
            char sign = tag + 2 < _source.Length && _source[tag + 2] is '-' or '+' ? _source[tag + 2] : ' ';
            EmitData(tag, sign, lstrip: kind != '{');
            Advance(tag + (sign == ' ' ? 2 : 3));
            switch (kind)
            {
                case '#':
                    Comment();
                    break;
                case '{':
                    Emit(JinjaTokenKind.VariableBegin, "{{");
                    Inside("}}", JinjaTokenKind.VariableEnd);
                    break;
                default:
                    if (!TryRaw())
                    {
                        Emit(JinjaTokenKind.BlockBegin, "{%");
                        Inside("%}", JinjaTokenKind.BlockEnd);
                    }

                    break;
            }

            _lineStarting = _at > 0 && _source[_at - 1] == '\n';
        }

        Emit(JinjaTokenKind.End, "");
    }

    private int NextTag(int from)
    {
        for (int at = _source.IndexOf('{', from); at >= 0 && at + 1 < _source.Length; at = _source.IndexOf('{', at + 1))
        {
            if (_source[at + 1] is '{' or '%' or '#')
            {
                return at;
            }
        }

        return -1;
    }

    /// <summary>The text before a tag, without what the tag's sign or lstrip_blocks takes from its end.</summary>
    private void EmitData(int end, char sign, bool lstrip)
    {
        ReadOnlySpan<char> text = _source.AsSpan(_at, end - _at);
        if (sign == '-')
        {
            text = PyCharacters.TrimEnd(text);
        }
        else if (sign != '+' && lstrip && _trim)
        {
            int lineStart = text.LastIndexOf('\n') + 1;
            if ((lineStart > 0 || _lineStarting) && PyCharacters.TrimEnd(text[lineStart..]).IsEmpty)
            {
                text = text[..lineStart];
            }
        }

        if (!text.IsEmpty)
        {
            Emit(JinjaTokenKind.Data, text.ToString());
        }
    }

    private void Comment()
    {
        int end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
        {
            throw Error("Missing end of comment tag");
        }

        char sign = end > _at ? _source[end - 1] : ' ';
        Advance(end + 2);
        AfterTag(sign, trimNewline: true);
    }

    private bool TryRaw()
    {
        int bodyStart = RawTag("raw", _at, out char openSign);
        if (bodyStart < 0 || openSign == '+')
        {
            return false;
        }

        Advance(bodyStart);
        AfterTag(openSign, trimNewline: false);
        _lineStarting = false;
        for (int tag = _source.IndexOf("{%", _at, StringComparison.Ordinal); tag >= 0; tag = _source.IndexOf("{%", tag + 2, StringComparison.Ordinal))
        {
            char sign = tag + 2 < _source.Length && _source[tag + 2] is '-' or '+' ? _source[tag + 2] : ' ';
            int end = RawTag("endraw", tag + (sign == ' ' ? 2 : 3), out char closeSign);
            if (end >= 0)
            {
                EmitData(tag, sign, lstrip: true);
                Advance(end);
                AfterTag(closeSign, trimNewline: true);
                return true;
            }
        }

        throw Error("Missing end of raw directive");
    }

    /// <summary>Where the tag <c>NAME %}</c> at a place ends, or −1 when it is another tag.</summary>
    private int RawTag(string name, int at, out char sign)
    {
        sign = ' ';
        at = SkipBlanks(at);
        if (string.CompareOrdinal(_source, at, name, 0, name.Length) != 0)
        {
            return -1;
        }

        at = SkipBlanks(at + name.Length);
        if (at < _source.Length && _source[at] is '-' or '+')
        {
            sign = _source[at++];
        }

        return string.CompareOrdinal(_source, at, "%}", 0, 2) == 0 ? at + 2 : -1;
    }

    private void Inside(string endTag, JinjaTokenKind endKind)
    {
        var brackets = new Stack<char>();
        while (true)
        {
            Advance(SkipBlanks(_at));
            if (_at >= _source.Length)
            {
                return;
            }

            char c = _source[_at];
            bool signed = c is '-' || (c is '+' && endKind == JinjaTokenKind.BlockEnd);
            if (brackets.Count == 0 && string.CompareOrdinal(_source, _at + (signed ? 1 : 0), endTag, 0, 2) == 0)
            {
                Emit(endKind, endTag);
                Advance(_at + (signed ? 3 : 2));
                AfterTag(signed ? c : ' ', trimNewline: endKind == JinjaTokenKind.BlockEnd);
                return;
            }

            if (c is '"' or '\'')
            {
                Text(c);
            }
            else if (char.IsAsciiDigit(c))
            {
                Number();
            }
            else if (c == '_' || char.IsLetter(c) || char.IsSurrogate(c))
            {
                Word();
            }
            else
            {
                Operator(brackets);
            }
        }
    }

    private void Text(char quote)
    {
        int end = _at + 1;
        while (end < _source.Length && _source[end] != quote)
        {
            end += _source[end] == '\\' ? 2 : 1;
        }

        if (end >= _source.Length)
        {
            throw Error($"unexpected char {PyText.Repr(quote.ToString())}");
        }

        string value = StringLiteral.Unescape(_source.AsSpan(_at + 1, end - _at - 1), _line);
        Emit(JinjaTokenKind.String, value);
        Advance(end + 1);
    }

    private void Number()
    {
        int end = NumberLiteral.End(_source, _at, out bool isFloat);
        Emit(isFloat ? JinjaTokenKind.Float : JinjaTokenKind.Integer, _source[_at..end]);
        Advance(end);
    }

    private void Word()
    {
        int end = _at;
        while (end < _source.Length && (_source[end] == '_' || char.IsLetterOrDigit(_source[end]) || char.IsSurrogate(_source[end])))
        {
            end++;
        }

        Emit(JinjaTokenKind.Name, _source[_at..end]);
        Advance(end);
    }

    private void Operator(Stack<char> brackets)
    {
        string op = JinjaOperators.At(_source, _at) ?? throw Error($"unexpected char {PyText.Repr(Rune.TryGetRuneAt(_source, _at, out Rune rune) ? rune.ToString() : "\uFFFD")}");
        if (op[0] is '(' or '[' or '{')
        {
            brackets.Push(op[0] switch { '(' => ')', '[' => ']', _ => '}' });
        }
        else if (op[0] is ')' or ']' or '}' && (!brackets.TryPop(out char expected) || expected != op[0]))
        {
            throw Error($"unexpected '{op}'");
        }

        Emit(JinjaTokenKind.Operator, op);
        Advance(_at + op.Length);
    }

    private void AfterTag(char sign, bool trimNewline)
    {
        if (sign == '-')
        {
            Advance(SkipBlanks(_at));
        }
        else if (sign != '+' && trimNewline && _trim && _at < _source.Length && _source[_at] == '\n')
        {
            Advance(_at + 1);
        }
    }

    private int SkipBlanks(int at)
    {
        while (at < _source.Length && PyCharacters.IsSpace(_source[at]))
        {
            at++;
        }

        return at;
    }

    private void Advance(int to)
    {
        _line += _source.AsSpan(_at, to - _at).Count('\n');
        _at = to;
    }

    private void Emit(JinjaTokenKind kind, string text) => _tokens.Add(new JinjaToken(kind, text, _line));

    private JinjaError Error(string message) => new(JinjaErrorKind.Syntax, message, _line);
}
