using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FineTuneTool.Tool.Terminal;

/// <summary>Prints a description as indented lines: a name and a value each.</summary>
internal static class Outline
{
    private const int LongestText = 160;

    public static void Write(this ToolConsole console, JsonObject description, string indent = "")
    {
        int width = description.Where(entry => !IsNested(entry.Value)).Select(entry => entry.Key.Length).DefaultIfEmpty(0).Max();
        foreach ((string name, JsonNode? value) in description)
        {
            switch (value)
            {
                case JsonObject { Count: > 0 } nested:
                    console.Out.WriteLine($"{indent}{name}:");
                    console.Write(nested, indent + "  ");
                    break;
                case JsonArray list when IsNested(list):
                    console.Out.WriteLine($"{indent}{name}:");
                    foreach (JsonNode? item in list)
                    {
                        console.Out.WriteLine($"{indent}  {(item is JsonObject fields ? string.Join("  ", fields.Select(field => Text(field.Value))) : Text(item))}");
                    }

                    break;
                default:
                    console.Out.WriteLine($"{indent}{name.PadRight(width)}  {Text(value)}");
                    break;
            }
        }
    }

    private static bool IsNested(JsonNode? value) => value is JsonObject { Count: > 0 } || (value is JsonArray list && list.Any(item => item is JsonObject));

    private static string Text(JsonNode? value) => value switch
    {
        null => "-",
        JsonArray list => string.Join(list.All(item => item?.GetValueKind() == JsonValueKind.Number) ? " × " : ", ", list.Select(Text)),
        JsonValue when value.GetValueKind() == JsonValueKind.String => OneLine(value.GetValue<string>()),
        _ => value.ToJsonString(),
    };

    /// <summary>The beginning of a text, with control characters written as escapes.</summary>
    private static string OneLine(string text)
    {
        var line = new StringBuilder();
        foreach (char unit in text.Length > LongestText ? text.AsSpan(0, LongestText) : text)
        {
            line.Append(unit switch { '\n' => "\\n", '\r' => "\\r", '\t' => "\\t", _ when char.IsControl(unit) => "\\u" + ((int)unit).ToString("x4", null), _ => unit.ToString() });
        }

        return text.Length > LongestText ? $"{line}… ({text.Length} characters)" : line.ToString();
    }
}
