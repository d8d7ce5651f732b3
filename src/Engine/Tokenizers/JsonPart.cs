using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>One value of a JSON file, with the path that a diagnostic names. Reading something of another kind is FT0201.</summary>
internal readonly struct JsonPart(JsonElement element, string path, string file)
{
    private const string Remedy = "Restore the file from the model's source; it was damaged or is not what its name says.";

    public JsonElement Element => element;

    public bool IsNull => element.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null;

    public bool IsString => element.ValueKind == JsonValueKind.String;

    public bool IsObject => element.ValueKind == JsonValueKind.Object;

    public bool IsArray => element.ValueKind == JsonValueKind.Array;

    public JsonPart this[string name] =>
        new(Member(name), path.Length == 0 ? name : $"{path}.{name}", file);

    /// <summary>Parses a file's bytes. <paramref name="file"/> is the name that diagnostics give.</summary>
    public static JsonDocument Parse(ReadOnlyMemory<byte> utf8, string file)
    {
        try
        {
            return JsonDocument.Parse(utf8);
        }
        catch (JsonException problem)
        {
            var position = new SourcePosition(file, (int)(problem.LineNumber ?? -1) + 1, (int)(problem.BytePositionInLine ?? -1) + 1);
            throw new FineTuneException(Codes.BadTokenizer, "The file is not valid JSON.", Remedy, position, problem);
        }
    }

    public IEnumerable<JsonPart> Items()
    {
        if (!IsArray)
        {
            throw Malformed("should be a list");
        }

        return Enumerate(element, path, file);
    }

    /// <summary>The names and values of an object; none where the value is absent.</summary>
    public IEnumerable<(string Name, JsonPart Value)> Properties()
    {
        if (!IsObject && !IsNull)
        {
            throw Malformed("should be an object");
        }

        return IsNull ? [] : Enumerate(this, element, path, file);
    }

    public string Text() => element.ValueKind == JsonValueKind.String ? Decoded(element) : throw Malformed("should be a text");

    public string? TextOrNull() => IsNull ? null : Text();

    public int Integer() =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int value) ? value : throw Malformed("should be a whole number");

    public int IntegerOr(int otherwise) => IsNull ? otherwise : Integer();

    public bool FlagOr(bool otherwise) => element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Undefined or JsonValueKind.Null => otherwise,
        _ => throw Malformed("should be true or false"),
    };

    /// <summary>A text that must be exactly one code point.</summary>
    public int Point()
    {
        int[] points = Unicode.CodePoints.FromString(Text());
        return points.Length == 1 ? points[0] : throw Malformed("should be a single character");
    }

    /// <summary>The text of an item of this list; of long lists no item has a path of its own.</summary>
    public string Piece(JsonElement item)
    {
        try
        {
            return item.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Malformed("has a piece that is not valid Unicode");
        }
    }

    public FineTuneException Malformed(string what) =>
        new(Codes.BadTokenizer, $"The value {(path.Length == 0 ? "of the file" : $"'{path}'")} {what}.", Remedy, new SourcePosition(file));

    public FineTuneException Unsupported(string what) =>
        new(Codes.UnsupportedTokenizer, $"'{path}' is {what}, which is not supported.", "Use a base model whose tokenizer is BPE, Unigram or WordPiece.", new SourcePosition(file));

    private JsonElement Member(string name)
    {
        try
        {
            return element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value) ? value : default;
        }
        catch (InvalidOperationException)
        {
            throw Malformed("has a name that is not valid Unicode");
        }
    }

    private static IEnumerable<JsonPart> Enumerate(JsonElement list, string path, string file)
    {
        int index = 0;
        foreach (JsonElement item in list.EnumerateArray())
        {
            yield return new JsonPart(item, $"{path}[{index++}]", file);
        }
    }

    private static IEnumerable<(string Name, JsonPart Value)> Enumerate(JsonPart part, JsonElement map, string path, string file)
    {
        foreach (JsonProperty property in map.EnumerateObject())
        {
            string name;
            try
            {
                name = property.Name;
            }
            catch (InvalidOperationException)
            {
                throw part.Malformed("has a name that is not valid Unicode");
            }

            yield return (name, new JsonPart(property.Value, $"{path}.{name}", file));
        }
    }

    private string Decoded(JsonElement text)
    {
        try
        {
            return text.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Malformed("is not valid Unicode");
        }
    }
}
