using System.Text;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Data;

/// <summary>A text or Markdown file is one row: the whole of it under <c>text</c>, as it stands, without a byte order mark.</summary>
public static class TextFileReader
{
    private const long MostBytes = 1 << 29;

    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    /// <exception cref="FineTuneException">FT0110 for what is not UTF-8 or too long, FT0301 where the file cannot be read.</exception>
    public static IEnumerable<RawRow> Read(string path)
    {
        using FileStream stream = DataFile.Open(path);
        if (stream.Length > MostBytes)
        {
            throw DataFile.Malformed("one text has at most 512 MiB", path, 1);
        }

        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        yield return new RawRow(new JsonObject { ["text"] = Decode(bytes, path) }, path, 1);
    }

    private static string Decode(ReadOnlySpan<byte> bytes, string path)
    {
        if (bytes.StartsWith(DataFile.ByteOrderMark))
        {
            bytes = bytes[DataFile.ByteOrderMark.Length..];
        }

        try
        {
            return Utf8.GetString(bytes);
        }
        catch (DecoderFallbackException exception)
        {
            throw DataFile.Malformed("the text is not valid UTF-8", path, 1 + bytes[..Math.Clamp(exception.Index, 0, bytes.Length)].Count((byte)'\n'));
        }
    }
}
