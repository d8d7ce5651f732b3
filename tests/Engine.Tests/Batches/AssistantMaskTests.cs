using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tests.Prompts;
using FineTuneTool.Engine.Tests.Tokenizers;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Batches;

public class AssistantMaskTests
{
    private static readonly Tokenizer SmolLm2 = TokenizerGoldens.Tokenizer(TokenizerGoldens.Local, "smollm2");

    [SharedFact("goldens/text/assistant_masks.json")]
    public void Marked_spans_and_their_tokens_are_those_of_the_reference()
    {
        JsonNode golden = JsonNode.Parse(File.ReadAllText(Path.Combine(Paths.Shared, "goldens", "text", "assistant_masks.json")))!;
        List<string> differences = [];
        int compared = 0;
        foreach (JsonNode? item in golden["templates"]!.AsArray())
        {
            string name = (string)item!["template"]!;
            string source = File.ReadAllText(Path.Combine(Paths.Shared, "goldens", "text", "templates", name + ".jinja"));
            ChatTemplate template = ChatGoldens.Template(source, name, golden["special_tokens"]!.AsObject());
            foreach (JsonNode? chat in item["cases"]!.AsArray().Where(chat => chat!["error"] is null))
            {
                RenderedText text = ChatGoldens.Render(template, (string)chat!["name"]!, (DateTime)golden["now"]!);
                TokenizedText encoded = SmolLm2.Encode(text.Text, addSpecialTokens: false);
                int[] marked = [.. TokenSpans.Weigh(encoded.Offsets, text.Supervised, null, out _).Select(weight => weight > 0 ? 1 : 0)];
                bool same = text.Text == (string)chat["text"]!
                    && text.Supervised.Select(span => new[] { span.Start, span.End }).SelectMany(pair => pair).SequenceEqual(chat["spans"].Deserialize<int[][]>()!.SelectMany(pair => pair))
                    && encoded.Ids.SequenceEqual(chat["input_ids"].Deserialize<int[]>()!)
                    && marked.SequenceEqual(chat["assistant_masks"].Deserialize<int[]>()!);
                compared++;
                if (!same)
                {
                    differences.Add($"{name} {chat["name"]}: spans {string.Join(' ', text.Supervised)} expected {chat["spans"]!.ToJsonString()}");
                }
            }
        }

        Assert.Empty(differences);
        Assert.True(compared > 500, $"{compared} compared");
    }

    [SharedFact("goldens/models/smollm2/data.json")]
    public void SmolLm2_s_own_template_supervises_what_the_recorded_run_supervised()
    {
        JsonNode golden = JsonNode.Parse(File.ReadAllText(Path.Combine(Paths.Shared, "goldens", "models", "smollm2", "data.json")))!;
        PromptTemplate template = PromptTemplates.Find("chat", "", SmolLm2);
        var examples = new ExampleTokenizer(SmolLm2, template, new PreprocessSettings { MaxSeqLength = 2048 });
        foreach (JsonNode? row in golden["train"]!.AsArray().Concat(golden["eval"]!.AsArray()))
        {
            var chat = new ChatExample(row!["messages"]!.DeepClone().AsArray(), null, new SourcePosition("data.json", 1));
            Assert.Equal((string)row["text"]!, template.Render(chat).Text);
            TokenizedExample example = examples.Tokenize(chat).Examples.Single();
            Assert.Equal(row["ids"].Deserialize<int[]>(), example.Ids);
            Assert.Equal(row["labels"].Deserialize<int[]>(), example.Labels);
        }
    }
}
