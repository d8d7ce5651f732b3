using System.Text.Json.Nodes;

namespace FineTuneTool.Engine.Prompts;

/// <summary>Who speaks in a conversation.</summary>
public static class ChatRoles
{
    public const string Assistant = "assistant";

    public static string? Of(JsonNode? message) => message?["role"] is JsonValue role && role.TryGetValue(out string? name) ? name : null;

    /// <summary>The model speaks, under the one or the other of its names.</summary>
    public static bool IsAssistant(JsonNode? message) => Of(message) is Assistant or "model";
}
