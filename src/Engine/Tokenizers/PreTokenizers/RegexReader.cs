using System.Globalization;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>The place in an expression that is being parsed.</summary>
internal sealed class RegexReader(string pattern)
{
    private const int MaxDepth = 50;

    private readonly int[] _pattern = CodePoints.FromString(pattern);
    private int _at;
    private int _depth;

    public bool AtEnd => _at >= _pattern.Length;

    /// <summary>Letters match in either case from here on.</summary>
    public bool IgnoreCase { get; set; }

    /// <summary>The place, to return to it.</summary>
    public int Position
    {
        get => _at;
        set => _at = value;
    }

    /// <summary>The code point that many places ahead, or −1 after the end.</summary>
    public int Peek(int ahead = 0) => _at + ahead < _pattern.Length ? _pattern[_at + ahead] : -1;

    public int Next() => AtEnd ? throw new FormatException("it ends too early") : _pattern[_at++];

    public bool Take(int point)
    {
        if (Peek() != point)
        {
            return false;
        }

        _at++;
        return true;
    }

    public void Expect(int point)
    {
        if (!Take(point))
        {
            throw new FormatException($"a '{(char)point}' is missing");
        }
    }

    /// <summary>Everything up to a code point, which is taken as well.</summary>
    public string Until(int point)
    {
        int start = _at;
        while (!AtEnd && _pattern[_at] != point)
        {
            _at++;
        }

        string text = CodePoints.ToString(_pattern.AsSpan(start, _at - start));
        Expect(point);
        return text;
    }

    /// <summary>A decimal number, no larger than <paramref name="limit"/> + 1, or null.</summary>
    public int? Number(int limit)
    {
        int start = _at;
        int value = 0;
        for (; Peek() is >= '0' and <= '9'; _at++)
        {
            value = Math.Min(limit + 1, (value * 10) + _pattern[_at] - '0');
        }

        return _at > start ? value : null;
    }

    /// <summary>The code point that up to <paramref name="digits"/> hexadecimal digits name.</summary>
    public int Hex(int digits)
    {
        int start = _at;
        while (_at - start < digits && Peek() is >= 0 and < 128 && char.IsAsciiHexDigit((char)Peek()))
        {
            _at++;
        }

        string text = CodePoints.ToString(_pattern.AsSpan(start, _at - start));
        bool read = int.TryParse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int value);
        return read && value is (>= 0 and < 0xD800) or (> 0xDFFF and <= 0x10FFFF) ? value : throw new FormatException("a character code is wrong");
    }

    /// <summary>Refuses parts that lie in more than 50 others.</summary>
    public T Nested<T>(Func<T> parse)
    {
        if (++_depth > MaxDepth)
        {
            throw new FormatException("its parts are nested too deeply");
        }

        T result = parse();
        _depth--;
        return result;
    }
}
