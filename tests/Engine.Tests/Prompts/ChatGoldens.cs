using System.IO.Compression;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Prompts.Jinja;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Prompts;

/// <summary>The recorded conversations and what the reference renders of them.</summary>
internal static class ChatGoldens
{
    private static readonly Lazy<Dictionary<string, JsonObject>> Chats = new(() =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(Paths.Goldens, "text", "inputs", "chats.json")))!.AsArray()
            .ToDictionary(chat => (string)chat!["name"]!, chat => chat!.AsObject()));

    /// <summary>Every conversation for which our text differs from the recorded one, or which fails in one of the two only.</summary>
    public static List<string> Differences(string folder, string name)
    {
        using var stream = new GZipStream(File.OpenRead(Path.Combine(folder, "rendered", name + ".json.gz")), CompressionMode.Decompress);
        JsonNode rendered = JsonNode.Parse(stream)!;
        var special = rendered["special_tokens"]!.AsObject().ToDictionary(item => item.Key, item => (string)item.Value!);
        string source = File.ReadAllText(Path.Combine(folder, "templates", name + ".jinja"));
        var template = new ChatTemplate(JinjaTemplate.Parse(source, name), special);
        List<string> differences = [];
        foreach (JsonNode? item in rendered["cases"]!.AsArray())
        {
            JsonObject chat = Chats.Value[(string)item!["name"]!];
            string expected = item["error"] is { } error ? $"error {error}: {item["message"]}" : (string)item["text"]!;
            string actual = Render(template, chat, (DateTime)rendered["now"]!);
            bool same = item["error"] is null ? actual == expected
                : actual.StartsWith("error") && ((string)item["error"]! != "TemplateError" || actual.Contains((string)item["message"]!));
            if (!same)
            {
                differences.Add($"{item["name"]}\n   expected {expected}\n   actual   {actual}");
            }
        }

        return differences;
    }

    private static string Render(ChatTemplate template, JsonObject chat, DateTime now)
    {
        var options = new ChatTemplateOptions
        {
            AddGenerationPrompt = (bool)chat["add_generation_prompt"]!,
            ContinueFinalMessage = (bool)chat["continue_final_message"]!,
            Tools = chat["tools"] as JsonArray,
            Variables = chat["kwargs"] as JsonObject,
            Now = now,
        };
        try
        {
            return template.Render(chat["messages"]!.AsArray(), options).Text;
        }
        catch (FineTuneTool.Engine.Diagnostics.FineTuneException exception)
        {
            return "error " + exception.Diagnostic;
        }
    }
}
