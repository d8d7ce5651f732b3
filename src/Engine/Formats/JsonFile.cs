using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Formats;

/// <summary>Strict JSON files (UTF-8 without a byte order mark, no comments, no trailing commas). Of a key given twice the last wins, as in Python.</summary>
public static class JsonFile
{
    /// <summary>The largest file that is read: the vocabularies of today stay below it.</summary>
    public const long MaxBytes = 256L << 20;

    /// <summary>Reads a file whose root is an object. Malformed content raises <paramref name="malformed"/> at its line and column.</summary>
    public static JsonObject ReadObject(string path, DiagnosticCode malformed) => Parse(ReadBytes(path, malformed), path, malformed);

    /// <summary>Parses text whose root is an object.</summary>
    public static JsonObject Parse(ReadOnlyMemory<byte> utf8, string path, DiagnosticCode malformed)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(utf8);
            return Copy(document.RootElement.Clone()) as JsonObject ?? throw Malformed(path, malformed, "its root is not an object", default);
        }
        catch (JsonException failure)
        {
            var position = new SourcePosition(path, (int)(failure.LineNumber ?? -1) + 1, (int)(failure.BytePositionInLine ?? -1) + 1);
            throw Malformed(path, malformed, "it is not valid JSON", position);
        }
        catch (InvalidOperationException)
        {
            throw Malformed(path, malformed, "a string in it is not valid UTF-8", default);
        }
    }

    private static byte[] ReadBytes(string path, DiagnosticCode malformed)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            if (stream.Length > MaxBytes)
            {
                throw Malformed(path, malformed, $"it is larger than {MaxBytes >> 20} MiB", default);
            }

            byte[] bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw MappedFile.Unreadable(path, failure);
        }
    }

    private static JsonNode? Copy(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var result = new JsonObject();
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    result[property.Name] = Copy(property.Value);
                }

                return result;
            case JsonValueKind.Array:
                return new JsonArray([.. element.EnumerateArray().Select(Copy)]);
            case JsonValueKind.Null:
                return null;
            case JsonValueKind.String:
                return JsonValue.Create(element.GetString());
            default:
                return JsonValue.Create(element);
        }
    }

    private static FineTuneException Malformed(string path, DiagnosticCode code, string problem, SourcePosition position) => new(
        code, $"'{path}' cannot be read: {problem}.", "Restore the file from its source.",
        position.File is null ? new SourcePosition(path) : position);
}
