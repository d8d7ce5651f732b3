using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Data;

/// <summary>
/// JSON Lines: one object a line, UTF-8 with or without a byte order mark, lines ended by LF or CRLF only, blank lines skipped (jsonlines.org).
/// Reads as it goes; a file of any size takes the memory of its longest line.
/// </summary>
public static class JsonLinesReader
{
    private const int Chunk = 1 << 16;

    /// <exception cref="FineTuneException">FT0102 with line and column; FT0301 where the file cannot be read.</exception>
    public static IEnumerable<RawRow> Read(string path) => Records(path).Select(record => record.Parse());

    /// <summary>The lines that hold something; what a line says is not looked at yet.</summary>
    /// <exception cref="FineTuneException">FT0301 where the file cannot be read.</exception>
    public static IEnumerable<RawRecord> Records(string path)
    {
        using FileStream stream = DataFile.Open(path);
        byte[] buffer = new byte[Chunk];
        int start = 0, end = 0, line = 0;
        while (true)
        {
            int length = buffer.AsSpan(start, end - start).IndexOf((byte)'\n');
            bool last = false;
            if (length < 0)
            {
                int read = Fill(stream, ref buffer, ref start, ref end);
                if (read > 0)
                {
                    continue;
                }

                (length, last) = (end - start, true);
            }

            line++;
            if (Record(buffer.AsSpan(start, length), path, line) is { } record)
            {
                yield return record;
            }

            if (last)
            {
                yield break;
            }

            start += length + 1;
        }
    }

    private static RawRecord? Record(ReadOnlySpan<byte> text, string path, int line)
    {
        if (line == 1 && text.StartsWith(DataFile.ByteOrderMark))
        {
            text = text[DataFile.ByteOrderMark.Length..];
        }

        return text.IndexOfAnyExcept(DataFile.WhiteSpace) < 0 ? null : new RawRecord(text.ToArray(), path, line);
    }

    /// <summary>Moves what is left to the front, grows the buffer where it is full, and reads on. Returns the bytes read.</summary>
    private static int Fill(FileStream stream, ref byte[] buffer, ref int start, ref int end)
    {
        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
        }
        else if (end == buffer.Length)
        {
            Array.Resize(ref buffer, checked(buffer.Length * 2));
        }

        int read = stream.Read(buffer, end, buffer.Length - end);
        end += read;
        return read;
    }
}
