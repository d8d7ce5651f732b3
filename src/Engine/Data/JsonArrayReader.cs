using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Data;

/// <summary>A JSON file that is an array of objects, or an object with that array under <c>data</c>. Read as a whole, at most 2 GiB.</summary>
public static class JsonArrayReader
{
    /// <exception cref="FineTuneException">FT0102 with line and column; FT0301 where the file cannot be read.</exception>
    public static IEnumerable<RawRow> Read(string path) => Records(path).Select(record => record.Parse());

    /// <summary>The elements of the array; what they say is not looked at yet, beyond that the whole is well-formed.</summary>
    /// <exception cref="FineTuneException">As <see cref="Read"/>.</exception>
    public static IEnumerable<RawRecord> Records(string path)
    {
        byte[] bytes;
        using (FileStream stream = DataFile.Open(path))
        {
            if (stream.Length > Array.MaxLength)
            {
                throw new FineTuneException(Codes.FileUnreadable, $"{path} is larger than 2 GiB.", "Write it as JSON Lines (.jsonl), which is read as it goes.",
                    new SourcePosition(path));
            }

            bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
        }

        int mark = bytes.AsSpan().StartsWith(DataFile.ByteOrderMark) ? DataFile.ByteOrderMark.Length : 0;
        int line = 1, counted = 0;
        foreach ((int start, int length) in Elements(bytes.AsMemory(mark), path))
        {
            line += bytes.AsSpan(mark + counted, start - counted).Count((byte)'\n');
            counted = start;
            yield return new RawRecord(bytes.AsMemory(mark + start, length), path, line);
        }
    }

    /// <summary>Where each element of the array begins and how long it is.</summary>
    private static List<(int Start, int Length)> Elements(ReadOnlyMemory<byte> bytes, string path)
    {
        var elements = new List<(int, int)>();
        var reader = new Utf8JsonReader(bytes.Span, new JsonReaderOptions { MaxDepth = 64 });
        try
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.StartObject && !FindData(ref reader))
            {
                throw JsonText.Malformed("the object has no array under data", path, 1, 1);
            }

            if (reader.TokenType != JsonTokenType.StartArray)
            {
                throw JsonText.Malformed("it is neither an array nor an object with an array under data", path, 1, 1);
            }

            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                int start = (int)reader.TokenStartIndex;
                reader.Skip();
                elements.Add((start, (int)reader.BytesConsumed - start));
            }

            while (reader.Read())
            {
                // What follows must be well-formed too: a cut file is refused before any of its rows is used.
            }
        }
        catch (JsonException exception)
        {
            throw JsonText.Malformed(JsonText.Reason(exception), path, (int)(exception.LineNumber ?? 0) + 1, (int)(exception.BytePositionInLine ?? 0) + 1);
        }

        return elements;
    }

    private static bool FindData(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isData = reader.ValueTextEquals("data");
            reader.Read();
            if (isData)
            {
                return reader.TokenType == JsonTokenType.StartArray;
            }

            reader.Skip();
        }

        return false;
    }
}
