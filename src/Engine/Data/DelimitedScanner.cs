using System.Text;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Data;

/// <summary>
/// Cuts a stream of bytes into records of fields (RFC 4180): fields stand in quotes where they hold delimiters, quotes (doubled) or line ends.
/// Lines end by LF, CRLF or CR. A quote within an unquoted field stands for itself, as other readers have it.
/// </summary>
internal sealed class DelimitedScanner(Stream stream, string path)
{
    private const int Chunk = 1 << 16;
    private const int End = -1;

    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    private readonly byte[] _buffer = new byte[Chunk];
    private int _next;
    private int _filled;
    private byte[] _field = new byte[256];
    private int _length;
    private int _line = 1;

    /// <summary>Line in which the last record began, from 1.</summary>
    public int Line { get; private set; }

    /// <summary>Passes over a byte order mark.</summary>
    public void SkipMark()
    {
        if (Peek() != End && _buffer.AsSpan(_next, _filled - _next).StartsWith(DataFile.ByteOrderMark))
        {
            _next += DataFile.ByteOrderMark.Length;
        }
    }

    /// <summary>What separates the fields of the first line, of comma, semicolon and tab: the most frequent outside quotes, the first of equals.</summary>
    public byte Delimiter()
    {
        Peek();
        Span<int> counts = stackalloc int[3];
        bool quoted = false;
        foreach (byte value in _buffer.AsSpan(_next, _filled - _next))
        {
            quoted ^= value == '"';
            if (!quoted && value is (byte)'\n' or (byte)'\r')
            {
                break;
            }

            int kind = ",;\t"u8.IndexOf(value);
            if (!quoted && kind >= 0)
            {
                counts[kind]++;
            }
        }

        return counts[1] > counts[0] && counts[1] >= counts[2] ? (byte)';' : counts[2] > counts[0] ? (byte)'\t' : (byte)',';
    }

    /// <summary>The fields of the next record that is not blank; null at the end of the file.</summary>
    /// <exception cref="FineTuneException">FT0110 at the line.</exception>
    public List<string>? Record(byte delimiter)
    {
        while (Peek() != End)
        {
            Line = _line;
            if (LineEnd())
            {
                continue;
            }

            var fields = new List<string>();
            do
            {
                fields.Add(Field(delimiter));
            }
            while (Take(delimiter));

            if (Peek() != End && !LineEnd())
            {
                throw DataFile.Malformed("text follows the closing quote of a field", path, _line);
            }

            return fields;
        }

        return null;
    }

    private string Field(byte delimiter)
    {
        _length = 0;
        int line = _line;
        if (Take((byte)'"'))
        {
            Quoted(line);
        }
        else
        {
            for (int value = Peek(); value is not (End or '\n' or '\r') && value != delimiter; value = Peek())
            {
                Append();
            }
        }

        try
        {
            return Utf8.GetString(_field, 0, _length);
        }
        catch (DecoderFallbackException)
        {
            throw DataFile.Malformed("a field is not valid UTF-8", path, line);
        }
    }

    private void Quoted(int line)
    {
        while (true)
        {
            int value = Peek();
            if (value == End)
            {
                throw DataFile.Malformed("a quote that opens here is never closed", path, line);
            }

            if (value == '"')
            {
                _next++;
                if (Peek() != '"')
                {
                    return;
                }
            }

            _line += value == '\n' ? 1 : 0;
            Append();
        }
    }

    /// <summary>Passes over one line end; false where there is none.</summary>
    private bool LineEnd()
    {
        bool carriage = Take((byte)'\r');
        bool ended = Take((byte)'\n') || carriage;
        _line += ended ? 1 : 0;
        return ended;
    }

    private bool Take(byte wanted)
    {
        if (Peek() != wanted)
        {
            return false;
        }

        _next++;
        return true;
    }

    private void Append()
    {
        if (_length == _field.Length)
        {
            Array.Resize(ref _field, checked(_length * 2));
        }

        _field[_length++] = _buffer[_next++];
    }

    /// <summary>The next byte, or <see cref="End"/>.</summary>
    private int Peek()
    {
        if (_next == _filled)
        {
            (_next, _filled) = (0, stream.ReadAtLeast(_buffer, _buffer.Length, throwOnEndOfStream: false));
        }

        return _next < _filled ? _buffer[_next] : End;
    }
}
