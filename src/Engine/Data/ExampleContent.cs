using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Prompts;

namespace FineTuneTool.Engine.Data;

/// <summary>What an example says, apart from its columns' names and its place: for length limits, duplicates and splits.</summary>
public static class ExampleContent
{
    /// <summary>This thread's own, for one row after another.</summary>
    [ThreadStatic]
    private static (char[] Characters, byte[] Bytes) scratch;

    private static readonly string[] TextColumns = ["instruction", "input", "output", "prompt", "completion"];

    /// <summary>Characters (code points) of what the example says, all its texts together.</summary>
    public static int Characters(Example example) => Texts(example).Sum(text => text.EnumerateRunes().Count());

    /// <summary>What the example says, without the names of roles and columns.</summary>
    public static IEnumerable<string> Texts(Example example) => Parts(example).Select(part => part.Text);

    /// <summary>
    /// An answer, a question or a text that should be there is blank, so that nothing can be learnt from the row that is meant: a conversation of which
    /// every learnable message, or every other one, says nothing; a row without instruction, output or completion; a text of white space.
    /// </summary>
    public static bool HasEmptyField(Example example) => example switch
    {
        ChatExample chat => IsSilent(chat.Messages, isAssistant: true) || IsSilent(chat.Messages, isAssistant: false),
        ColumnsExample { IsPromptCompletion: true } row => IsBlank(row, "completion"),
        ColumnsExample row => IsBlank(row, "instruction") || IsBlank(row, "output"),
        TextExample text => string.IsNullOrWhiteSpace(text.Text),
        _ => false,
    };

    /// <summary>
    /// SHA-256 of the text after normalisation: Unicode form C, runs of white space as one space, none at the ends.
    /// Rows that differ only so are the same row.
    /// </summary>
    public static byte[] Hash(Example example)
    {
        int length = 0;
        bool space = false;
        foreach ((string name, string text) in Parts(example))
        {
            Append(name, ref length, ref space);
            space = true;
            Append(text, ref length, ref space);
            space = true;
        }

        ReadOnlySpan<char> normal = scratch.Characters.AsSpan(0, length);
        int bytes = Encoding.UTF8.GetBytes(normal, scratch.Bytes);
        return SHA256.HashData(scratch.Bytes.AsSpan(0, bytes));
    }

    /// <summary>Adds a text in normal form. Parts are divided by white space, which no normal form reaches over.</summary>
    private static void Append(string text, ref int length, ref bool space)
    {
        text = text.IsNormalized(NormalizationForm.FormC) ? text : text.Normalize(NormalizationForm.FormC);
        if (scratch.Characters is null || scratch.Characters.Length < length + text.Length + 1)
        {
            char[] larger = new char[Math.Max(1 << 12, 2 * (length + text.Length + 1))];
            scratch.Characters?.AsSpan(0, length).CopyTo(larger);
            scratch = (larger, new byte[Encoding.UTF8.GetMaxByteCount(larger.Length)]);
        }

        char[] normal = scratch.Characters;
        foreach (char c in text)
        {
            if (char.IsWhiteSpace(c))
            {
                space = true;
                continue;
            }

            normal[length] = ' ';
            length += space && length > 0 ? 1 : 0;
            space = false;
            normal[length++] = c;
        }
    }

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

    /// <summary>There are messages of the assistant, or of the others, and all of them are blank.</summary>
    private static bool IsSilent(JsonArray messages, bool isAssistant)
    {
        bool any = false;
        foreach (JsonNode? message in messages)
        {
            if (ChatRoles.IsAssistant(message) == isAssistant)
            {
                any = true;
                if (message?["tool_calls"] is not null || !string.IsNullOrWhiteSpace(Content(message?["content"])))
                {
                    return false;
                }
            }
        }

        return any;
    }

    private static bool IsBlank(ColumnsExample row, string column) => string.IsNullOrWhiteSpace(Content(row.Columns[column]));

    private static string Content(JsonNode? node) => node switch
    {
        null => "",
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        _ => node.ToJsonString(),
    };
}
