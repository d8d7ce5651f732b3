using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Prompts;

namespace FineTuneTool.Engine.Data;

/// <summary>What an example says, apart from its columns' names and its place: for length limits, duplicates and splits.</summary>
public static class ExampleContent
{
    private static readonly string[] TextColumns = ["instruction", "input", "output", "prompt", "completion"];

    /// <summary>Characters (code points) of what the example says, all its texts together.</summary>
    public static int Characters(Example example) => Parts(example).Sum(part => part.Text.EnumerateRunes().Count());

    /// <summary>Roles or columns and what they say, in order.</summary>
    private static IEnumerable<(string Name, string Text)> Parts(Example example)
    {
        switch (example)
        {
            case ChatExample chat:
                foreach (JsonNode? message in chat.Messages)
                {
                    yield return (Content(message?["role"]), Content(message?["content"]) + Content(message?["tool_calls"]));
                }

                if (chat.Tools is not null)
                {
                    yield return ("tools", chat.Tools.ToJsonString());
                }

                break;
            case ColumnsExample columns:
                foreach (string name in TextColumns.Where(columns.Columns.ContainsKey))
                {
                    yield return (name, Content(columns.Columns[name]));
                }

                break;
            case TextExample plain:
                yield return ("text", plain.Text);
                break;
            case TokensExample tokens:
                yield return ("input_ids", string.Join(' ', tokens.Ids));
                yield return ("labels", string.Join(' ', tokens.Labels));
                break;
        }
    }

    /// <summary>
    /// SHA-256 of the text after normalisation: Unicode form C, runs of white space as one space, none at the ends.
    /// Rows that differ only so are the same row.
    /// </summary>
    public static byte[] Hash(Example example)
    {
        string text = string.Concat(Parts(example).Select(part => $"{part.Name}\n{part.Text}\n")).Normalize(NormalizationForm.FormC);
        var normal = new StringBuilder(text.Length);
        bool space = false;
        foreach (char c in text)
        {
            if (char.IsWhiteSpace(c))
            {
                space = true;
                continue;
            }

            if (space && normal.Length > 0)
            {
                normal.Append(' ');
            }

            space = false;
            normal.Append(c);
        }

        return SHA256.HashData(Encoding.UTF8.GetBytes(normal.ToString()));
    }

    private static string Content(JsonNode? node) => node switch
    {
        null => "",
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        _ => node.ToJsonString(),
    };
}
