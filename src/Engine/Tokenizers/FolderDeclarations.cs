using System.Text;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>What the files beside tokenizer.json say: each token is taken from the first file that names it.</summary>
internal static class FolderDeclarations
{
    public static TokenizerDeclarations Read(string folder)
    {
        JsonPart config = Open(folder, "tokenizer_config.json");
        JsonPart map = Open(folder, "special_tokens_map.json");
        JsonPart generation = Open(folder, "generation_config.json");
        return new TokenizerDeclarations(
            Token("bos_token"),
            Token("eos_token"),
            Token("unk_token"),
            Token("pad_token"),
            Template(folder, config["chat_template"]),
            Ids(generation["eos_token_id"]));

        string? Token(string name) => Content(config[name]) ?? Content(map[name]);
    }

    /// <summary>A token is written as a text or as an object with its content and flags.</summary>
    private static string? Content(JsonPart part) => part.IsObject ? part["content"].TextOrNull() : part.TextOrNull();

    private static IReadOnlyList<int> Ids(JsonPart part) =>
        part.IsNull ? [] : part.IsArray ? [.. part.Items().Select(id => id.Integer())] : [part.Integer()];

    /// <summary>A file of its own comes first; in the configuration it is a text, or a list of named ones of which "default" counts.</summary>
    private static string? Template(string folder, JsonPart configured)
    {
        string own = Path.Combine(folder, "chat_template.jinja");
        if (File.Exists(own))
        {
            return Encoding.UTF8.GetString(TokenizerFiles.ReadBytes(own));
        }

        JsonPart separate = Open(folder, "chat_template.json")["chat_template"];
        JsonPart template = separate.IsNull ? configured : separate;
        if (!template.IsArray)
        {
            return template.TextOrNull();
        }

        return template.Items().Where(item => item["name"].TextOrNull() == "default").Select(item => item["template"].Text()).FirstOrDefault();
    }

    /// <summary>An absent file reads as one without any value.</summary>
    public static JsonPart Open(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        if (!File.Exists(path))
        {
            return new JsonPart(default, "", path);
        }

        using var document = JsonPart.Parse(TokenizerFiles.ReadBytes(path), path);
        return new JsonPart(document.RootElement.Clone(), "", path);
    }
}
