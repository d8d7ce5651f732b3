using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Prompts;

/// <summary>How much a message, or a whole row, counts in the loss: its <c>weight</c>, 0 with <c>"train": false</c>, else 1.</summary>
public static class MessageWeight
{
    public const string Rule = "A weight is not a number of at least 0 and at most 1000000, or train is neither true nor false.";

    private const float Most = 1_000_000;

    /// <summary>The weight that the fields say; null where they say something else than <see cref="Rule"/> allows.</summary>
    public static float? Of(JsonNode? fields)
    {
        float weight = 1;
        switch (fields?["weight"])
        {
            case null:
                break;
            case JsonValue value when Number(value) is float number and >= 0 and <= Most:
                weight = number;
                break;
            default:
                return null;
        }

        return fields?["train"] switch
        {
            null => weight,
            JsonValue flag when flag.TryGetValue(out bool train) => train ? weight : 0,
            JsonValue text when text.TryGetValue(out string? word) && bool.TryParse(word, out bool train) => train ? weight : 0,
            _ => null,
        };
    }

    /// <summary>A number, or one that is written as text, as a CSV file has it, where an empty cell says nothing.</summary>
    private static float? Number(JsonValue value) => value.GetValueKind() switch
    {
        JsonValueKind.Number => (float?)SettingNumbers.Number(value.ToJsonString()),
        JsonValueKind.String when value.GetValue<string>() is var text => text.Length == 0 ? 1 : (float?)SettingNumbers.Number(text),
        _ => null,
    };
}
