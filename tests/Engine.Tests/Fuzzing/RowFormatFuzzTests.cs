using System.Text;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tests.Tokenizers;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Tests.Fuzzing;

/// <summary>Rows whose columns hold values of any kind are read, or refused at their place, by every format; and so are they by templates.</summary>
public class RowFormatFuzzTests
{
    private static readonly string[] Columns =
        ["input_ids", "labels", "attention_mask", "messages", "tools", "chat_template_kwargs", "conversations", "system", "prompt", "completion", "instruction", "input", "output", "text"];

    private static readonly string[] Fields =
        ["role", "content", "from", "value", "tool_calls", "name", "train", "weight", "text", "type", "function", "arguments", "reasoning_content", "thinking"];

    private static readonly string[] Texts = ["", " ", "user", "assistant", "system", "tool", "human", "gpt", "text", "\0", "\uFFFF", "😀", "[]", "[1, 2]", "{\"role\": \"user\"}", "[{\"role\": \"user\", \"content\": null}]", "[", "1e400"];

    private static readonly Tokenizer Letters = SmallTokenizers.Read(SmallTokenizers.ByteLevel());

    private static readonly PromptTemplate[] Templates = [.. new[] { "chatml", "alpaca", "llama2", "gemma" }.Select(name => PromptTemplates.Find(name, "", Letters))];

    private static byte[] Row(FuzzRandom random)
    {
        var row = new JsonObject();
        for (int columns = 1 + random.Below(4); columns > 0; columns--)
        {
            row[random.Of(Columns)] = Value(random, 0);
        }

        return Encoding.UTF8.GetBytes(row.ToJsonString());
    }

    private static JsonNode? Value(FuzzRandom random, int depth) => random.Below(depth < 4 ? 12 : 8) switch
    {
        0 => null,
        1 => random.Below(2) == 0,
        2 => random.Below(5),
        3 => JsonNode.Parse(random.Of<string>(["-1", "1.5", "1e400", "99999999999999999999", "2147483648", "-0", "1.0"])),
        < 8 => random.Of(Texts),
        < 10 => new JsonArray([.. Enumerable.Range(0, random.Below(4)).Select(_ => Value(random, depth + 1))]),
        _ => new JsonObject(Enumerable.Range(0, 1 + random.Below(4)).Select(_ => random.Of(Fields)).Distinct().Select(name => KeyValuePair.Create(name, Value(random, depth + 1)))),
    };

    private static void Read(byte[] bytes)
    {
        var row = new RawRow(JsonText.ParseObject(bytes, "rows.jsonl", 1), "rows.jsonl", 1);
        Refusable(() => RowFormats.Detect(row));
        int read = 0;
        foreach (RowFormat format in RowFormats.All.Where(format => format.Fits(row.Values)))
        {
            Refusable(() =>
            {
                Example example = format.Read(row);
                read++;
                Assert.Equal(32, ExampleContent.Hash(example).Length);
                Assert.True(ExampleContent.Characters(example) >= 0);
                foreach (PromptTemplate template in example is TokensExample ? [] : Templates)
                {
                    Refusable(() => template.Render(example));
                }
            });
        }

        if (read == 0)
        {
            throw RowFormats.Bad(row, "no format reads it");
        }
    }

    private static void Refusable(Action read)
    {
        try
        {
            read();
        }
        catch (FineTuneException refused)
        {
            Assert.Equal("rows.jsonl", refused.Diagnostic.Position.File);
        }
    }

    [Fact]
    public void Values_of_any_kind_in_every_column_are_read_or_refused_at_their_row() =>
        new FuzzRun([]) { Make = Row, AllowanceBytes = 1 << 20 }.Bytes(Read);
}
