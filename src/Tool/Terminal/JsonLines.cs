using System.Text.Encodings.Web;
using System.Text.Json;

namespace FineTuneTool.Tool.Terminal;

/// <summary>Answers for scripts: one JSON object a line, names in snake_case, text of any language readable.</summary>
internal static class JsonLines
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static void WriteJson<T>(this ToolConsole console, T answer) => console.Out.WriteLine(JsonSerializer.Serialize(answer, Options));

    /// <summary>Reads what <see cref="WriteJson"/> wrote.</summary>
    public static T Read<T>(string line) => JsonSerializer.Deserialize<T>(line, Options)!;
}
