using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Tool.Commands;

/// <summary>
/// One line of a --jsonl file: an object whose keys are the names of a verb's options (<c>max-new-tokens</c> or <c>max_new_tokens</c>).
/// A value of the wrong kind, or a key that the verb does not know, is FT0102 at its line.
/// </summary>
internal sealed class JsonRequest
{
    private readonly Dictionary<string, JsonElement> _values = new(StringComparer.Ordinal);
    private readonly SourcePosition _position;

    private JsonRequest(JsonElement line, SourcePosition position, IReadOnlyCollection<string> known)
    {
        _position = position;
        if (line.ValueKind != JsonValueKind.Object)
        {
            throw Wrong("The line is no JSON object.");
        }

        foreach (JsonProperty property in line.EnumerateObject())
        {
            string name = property.Name.Replace('-', '_');
            if (!known.Contains(name))
            {
                throw Wrong($"The verb has no option {property.Name}. It takes {string.Join(", ", known)}.");
            }

            if (property.Value.ValueKind != JsonValueKind.Null)
            {
                _values[name] = property.Value;
            }
        }
    }

    /// <summary>The requests of a file, one a line; empty lines are skipped. <c>-</c> reads <paramref name="input"/>.</summary>
    /// <param name="known">Names of the options, in snake_case.</param>
    public static IEnumerable<JsonRequest> Read(string file, TextReader input, IReadOnlyCollection<string> known)
    {
        using TextReader reader = TextInput.Open(file, input);
        int number = 0;
        while (reader.ReadLine() is { } line)
        {
            number++;
            if (line.AsSpan().Trim().Length > 0)
            {
                yield return new JsonRequest(Parse(line, new SourcePosition(file, number)), new SourcePosition(file, number), known);
            }
        }
    }

    public bool Has(string name) => _values.ContainsKey(name);

    public string? Text(string name) => Get(name, JsonValueKind.String, "a text", value => value.GetString()!);

    public double? Number(string name) => Get<double?>(name, JsonValueKind.Number, "a number", value => value.GetDouble());

    public int? Integer(string name) =>
        Get<int?>(name, JsonValueKind.Number, "a whole number", value => value.TryGetInt32(out int number) ? number : throw Wrong($"{name} must be a whole number."));

    public bool Flag(string name) =>
        _values.TryGetValue(name, out JsonElement value)
        && (value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong($"{name} must be true or false."));

    /// <summary>An object, or null where the key is absent.</summary>
    public JsonObject? Object(string name) => Get(name, JsonValueKind.Object, "an object", value => JsonObject.Create(value)!);

    /// <summary>A list, or null where the key is absent.</summary>
    public JsonElement? List(string name) => Get<JsonElement?>(name, JsonValueKind.Array, "a list", value => value);

    public int[]? Ids(string name) => List(name) is not { } list ? null :
        [.. list.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int id) ? id : throw Wrong($"{name} must be a list of token ids."))];

    public IReadOnlyList<string>? Texts(string name) => List(name) is not { } list ? null :
        [.. list.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.String ? item.GetString()! : throw Wrong($"{name} must be a list of texts."))];

    /// <summary>FT0102 at this line.</summary>
    public FineTuneException Wrong(string message) =>
        new(Codes.MalformedJson, message, "Write one JSON object a line, such as {\"prompt\": \"Once\", \"max_new_tokens\": 8}.", _position);

    private T? Get<T>(string name, JsonValueKind kind, string what, Func<JsonElement, T> read) =>
        !_values.TryGetValue(name, out JsonElement value) ? default : value.ValueKind == kind ? read(value) : throw Wrong($"{name} must be {what}.");

    private static JsonElement Parse(string line, SourcePosition position)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            return document.RootElement.Clone();
        }
        catch (JsonException exception)
        {
            throw new FineTuneException(
                Codes.MalformedJson, "The line is not valid JSON.", "Write one JSON object a line.",
                position with { Column = (int)(exception.BytePositionInLine ?? 0) + 1 }, exception);
        }
    }
}
