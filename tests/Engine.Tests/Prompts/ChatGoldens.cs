using System.IO.Compression;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
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
        ChatTemplate template = Template(File.ReadAllText(Path.Combine(folder, "templates", name + ".jinja")), name, rendered["special_tokens"]!.AsObject());
        List<string> differences = [];
        foreach (JsonNode? item in rendered["cases"]!.AsArray())
        {
            string expected = item!["error"] is { } error ? $"error {error}: {item["message"]}" : (string)item["text"]!;
            string actual = TextOrError(template, (string)item["name"]!, (DateTime)rendered["now"]!);
            bool same = item["error"] is null ? actual == expected
                : actual.StartsWith("error") && ((string)item["error"]! != "TemplateError" || actual.Contains((string)item["message"]!));
            if (!same)
            {
                differences.Add($"{item["name"]}\n   expected {expected}\n   actual   {actual}");
            }
        }

        return differences;
    }

    public static ChatTemplate Template(string source, string name, JsonObject specialTokens) =>
        new(JinjaTemplate.Parse(source, name), specialTokens.ToDictionary(item => item.Key, item => (string)item.Value!));

    /// <summary>Renders one of the recorded conversations.</summary>
    public static RenderedText Render(ChatTemplate template, string name, DateTime now)
    {
        JsonObject chat = Chats.Value[name];
        var options = new ChatTemplateOptions
        {
            AddGenerationPrompt = (bool)chat["add_generation_prompt"]!,
            ContinueFinalMessage = (bool)chat["continue_final_message"]!,
            Tools = chat["tools"] as JsonArray,
            Variables = chat["kwargs"] as JsonObject,
            Now = now,
        };
        return template.Render(chat["messages"]!.AsArray(), options);
    }

    private static string TextOrError(ChatTemplate template, string name, DateTime now)
    {
        try
        {
            return Render(template, name, now).Text;
        }
        catch (FineTuneException exception)
        {
            return "error " + exception.Diagnostic;
        }
    }
}
