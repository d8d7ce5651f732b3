using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Exports;

/// <summary>
/// Puts an <see cref="AnswerFormat"/> into the files of a Hugging Face folder. The tokenizer keeps its eos_token, which templates write and
/// tokenizers append; what else ends an answer stands in generation_config.json, where programs look for it.
/// </summary>
internal static class AnswerFiles
{
    private const string TokenizerConfig = "tokenizer_config.json", GenerationConfig = "generation_config.json";

    /// <param name="config">The folder's config.json.</param>
    public static void Apply(string folder, JsonObject config, AnswerFormat format)
    {
        if (format.ChatTemplate is { } template)
        {
            // New programs read the file, older ones the key.
            AtomicFile.WriteText(Path.Combine(folder, "chat_template.jinja"), template);
            File.Delete(Path.Combine(folder, "chat_template.json"));
            Change(folder, TokenizerConfig, tokenizer => tokenizer["chat_template"] = template);
        }

        JsonObject generation = Read(folder, GenerationConfig) ?? new JsonObject { ["_from_model_config"] = true };
        int[] declared = Ids(generation["eos_token_id"]) is { Length: > 0 } own ? own : Ids(config["eos_token_id"]);
        int[] all = [.. declared.Union(format.EndIds)];
        if (all.Length > declared.Length)
        {
            generation["eos_token_id"] = all.Length == 1 ? all[0] : new JsonArray([.. all.Select(id => JsonValue.Create(id))]);
            Write(folder, GenerationConfig, generation);
        }
    }

    private static void Change(string folder, string name, Action<JsonObject> change)
    {
        if (Read(folder, name) is { } content)
        {
            change(content);
            Write(folder, name, content);
        }
    }

    private static JsonObject? Read(string folder, string name) =>
        Path.Combine(folder, name) is var path && File.Exists(path) ? JsonFile.ReadObject(path, Codes.BadTokenizer) : null;

    private static void Write(string folder, string name, JsonObject content) =>
        AtomicFile.WriteText(Path.Combine(folder, name), PythonJson.Write(content, ascii: false) + "\n");

    private static int[] Ids(JsonNode? node) =>
        [.. (node as JsonArray ?? [node?.DeepClone()]).OfType<JsonValue>().Select(value => value.TryGetValue(out int id) ? id : -1).Where(id => id >= 0)];
}
