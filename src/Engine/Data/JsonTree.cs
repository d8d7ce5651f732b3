using System.Text.Json;
using System.Text.Json.Nodes;

namespace FineTuneTool.Engine.Data;

/// <summary>
/// Builds the nodes of a JSON text. Texts are decoded once, here, where damaged ones show, instead of at every use; numbers that are not whole
/// keep the digits that they are written with.
/// </summary>
internal static class JsonTree
{
    private const int MaxDepth = 64;

    /// <exception cref="JsonException">The text is no JSON, or an object has a key twice.</exception>
    /// <exception cref="InvalidOperationException">A text holds half of a surrogate pair.</exception>
    public static JsonNode? Parse(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaxDepth });
        reader.Read();
        JsonNode? node = Value(ref reader);
        while (reader.Read())
        {
            // What follows a value is an error, which the reader raises.
        }

        return node;
    }

    private static JsonNode? Value(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var fields = new JsonObject();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    string name = reader.GetString()!;
                    reader.Read();
                    if (!fields.TryAdd(name, Value(ref reader)))
                    {
                        throw new JsonException($"the key \"{name}\" stands twice in one object");
                    }
                }

                return fields;
            case JsonTokenType.StartArray:
                var items = new JsonArray();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    items.Add(Value(ref reader));
                }

                return items;
            case JsonTokenType.String:
                return JsonValue.Create(reader.GetString());
            case JsonTokenType.True or JsonTokenType.False:
                return JsonValue.Create(reader.GetBoolean());
            case JsonTokenType.Number:
                return reader.TryGetInt64(out long whole) && !reader.ValueSpan.SequenceEqual("-0"u8) ? JsonValue.Create(whole) : JsonValue.Create(JsonElement.ParseValue(ref reader));
            default:
                return null;
        }
    }
}
