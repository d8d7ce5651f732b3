using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Data;

/// <summary>Parses one JSON object of a data file, strictly: valid UTF-8, no lone surrogates, no key twice.</summary>
internal static class JsonText
{
    /// <param name="line">Line of the file in which <paramref name="utf8"/> begins.</param>
    /// <exception cref="FineTuneException">FT0102 with line and column.</exception>
    public static JsonObject ParseObject(ReadOnlySpan<byte> utf8, string file, int line)
    {
        if (!Utf8.IsValid(utf8))
        {
            throw Malformed("it is not valid UTF-8", file, line, 0);
        }

        try
        {
            return JsonTree.Parse(utf8) as JsonObject ?? throw Malformed("it is not an object in braces", file, line, 1);
        }
        catch (JsonException exception)
        {
            throw Malformed(Reason(exception), file, line + (int)(exception.LineNumber ?? 0), Column(utf8, exception));
        }
        catch (InvalidOperationException)
        {
            throw Malformed("a text holds half of a surrogate pair", file, line, 0);
        }
    }

    public static FineTuneException Malformed(string reason, string file, int line, int column) => new(
        Codes.MalformedJson, $"This row is not valid JSON: {reason}.", "Each row is one object, such as {\"instruction\": \"…\", \"output\": \"…\"}; correct it or delete it.",
        new SourcePosition(file, line, column));

    /// <summary>The parser's own words, without the position that it adds.</summary>
    public static string Reason(JsonException exception)
    {
        string message = exception.Message;
        int position = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return (position < 0 ? message : message[..position]).TrimEnd('.', ' ');
    }

    private static int Column(ReadOnlySpan<byte> utf8, JsonException exception)
    {
        for (long skip = exception.LineNumber ?? 0; skip > 0; skip--)
        {
            utf8 = utf8[(utf8.IndexOf((byte)'\n') + 1)..];
        }

        int bytes = (int)Math.Min(exception.BytePositionInLine ?? 0, utf8.Length);
        return Encoding.UTF8.GetCharCount(utf8[..bytes]) + 1;
    }
}
