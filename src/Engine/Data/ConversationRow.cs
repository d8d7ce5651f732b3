using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Prompts;

namespace FineTuneTool.Engine.Data;

/// <summary>Rows that are conversations: messages with role and content, or ShareGPT's turns with from and value.</summary>
internal static class ConversationRow
{
    private static readonly Dictionary<string, string> ShareGptRoles = new()
    {
        ["human"] = "user",
        ["user"] = "user",
        ["gpt"] = "assistant",
        ["chatgpt"] = "assistant",
        ["assistant"] = "assistant",
        ["model"] = "assistant",
        ["system"] = "system",
        ["tool"] = "tool",
        ["observation"] = "tool",
        ["function_response"] = "tool",
    };

    public static Example ReadMessages(RawRow row) => new ChatExample(Messages(row, "messages"), Tools(row), row.Position)
    {
        Variables = row.Values["chat_template_kwargs"]?.DeepClone() as JsonObject,
    };

    public static Example ReadShareGpt(RawRow row)
    {
        var messages = new JsonArray();
        foreach (JsonNode? turn in List(row, "conversations"))
        {
            if (turn is not JsonObject fields || Text(fields, "from") is not string from || Text(fields, "value") is not string value)
            {
                throw RowFormats.Bad(row, $"Turn {messages.Count + 1} of conversations is not an object with the texts from and value.");
            }

            if (MessageWeight.Of(fields) is not float weight)
            {
                throw RowFormats.Bad(row, $"Turn {messages.Count + 1} of conversations: {MessageWeight.Rule}");
            }

            messages.Add(new JsonObject
            {
                ["role"] = ShareGptRoles.GetValueOrDefault(from) ?? throw RowFormats.Bad(row, $"Turn {messages.Count + 1} is from \"{from}\", which is no known role."),
                ["content"] = value,
            });
            if (weight != 1)
            {
                messages[^1]!["weight"] = weight;
            }
        }

        if (Text(row.Values, "system") is { Length: > 0 } system)
        {
            messages.Insert(0, new JsonObject { ["role"] = "system", ["content"] = system });
        }

        return new ChatExample(messages, Tools(row), row.Position);
    }

    /// <summary>A list of messages, each checked to have a role.</summary>
    public static JsonArray Messages(RawRow row, string column)
    {
        JsonArray messages = List(row, column);
        for (int i = 0; i < messages.Count; i++)
        {
            if (messages[i] is not JsonObject message || Text(message, "role") is null)
            {
                throw RowFormats.Bad(row, $"Message {i + 1} of {column} is not an object with a role.");
            }

            if (MessageWeight.Of(message) is null)
            {
                throw RowFormats.Bad(row, $"Message {i + 1} of {column}: {MessageWeight.Rule}");
            }

            // Columnar files give every message every field; to a template a field that is null is not one that is absent.
            foreach (string absent in message.Where(field => field.Value is null && field.Key != "content").Select(field => field.Key).ToArray())
            {
                message.Remove(absent);
            }
        }

        return messages;
    }

    /// <summary>The tools that a row offers; null where there are none.</summary>
    public static JsonArray? Tools(RawRow row) => (JsonArray?)ColumnValues.List(row, "tools")?.DeepClone();

    private static JsonArray List(RawRow row, string column) =>
        ColumnValues.List(row, column) is { Count: > 0 } list ? list
        : throw RowFormats.Bad(row, $"The column {column} is not a list with at least one entry.");

    private static string? Text(JsonObject fields, string name) =>
        fields[name] is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;
}
