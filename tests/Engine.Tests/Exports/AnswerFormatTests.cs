using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Exports;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tests.Tokenizers;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Exports;

/// <summary>An export is asked as training asked, and stops where training taught it to stop.</summary>
public sealed class AnswerFormatTests : IDisposable
{
    // Its end token is <|im_end|> (2); <|endoftext|> is 0.
    private static readonly Tokenizer SmolLm2 = TokenizerGoldens.Tokenizer(TokenizerGoldens.Local, "smollm2");

    private readonly TemporaryFolder _folder = new();
    private readonly RecordingEvents _events = new();

    public void Dispose() => _folder.Dispose();

    private AnswerFormat Of(string setting) => AnswerFormat.Of(PromptTemplates.Find(setting, _folder.Path, SmolLm2), SmolLm2, _events);

    [Theory]
    [InlineData("chatml")]
    [InlineData("zephyr")]
    public void Answers_end_at_the_token_that_ends_a_turn(string name)
    {
        Assert.Equal([2], Of(name).EndIds);
        Assert.Contains($"the chat template of {name} goes along; answers end at <|im_end|>", _events.Milestones);
        Assert.Empty(_events.Diagnostics);
    }

    [Fact]
    public void A_token_that_ends_turns_of_an_own_template_comes_beside_the_old_end()
    {
        _folder.Write("own.jinja", "{% for m in messages %}{{ m.role + ':' }}{% generation %}{{ m.content + '<|endoftext|>' }}{% endgeneration %}{% endfor %}");
        Assert.Equal([0, 2], Of("own.jinja").EndIds);
    }

    [Fact]
    public void An_end_that_the_vocabulary_splits_is_a_warning()
    {
        Assert.Equal([2], Of("gemma").EndIds);
        Diagnostic warning = Assert.Single(_events.Diagnostics.Distinct());
        Assert.Equal(("FT0253", Severity.Warning), (warning.Code.Id, warning.Severity));
        Assert.Contains("<end_of_turn>", warning.Message);
        Assert.Contains("<|im_end|>", warning.Remedy);
    }

    [Fact]
    public void A_template_without_a_chat_form_leaves_that_of_the_base_and_says_so()
    {
        _folder.Write("other.yaml", "prompt: \"{{ title }}\"\ncompletion: \"{{ summary }}\"\n");
        Assert.Null(Of("other.yaml").ChatTemplate);
        Assert.Contains(_events.Milestones, text => text.StartsWith("the base's chat template stays, since", StringComparison.Ordinal));
    }

    [Fact]
    public void A_folder_gets_template_and_end_and_keeps_what_it_had()
    {
        _folder.Write("tokenizer_config.json", """{"eos_token": "</s>", "chat_template": [{"name": "default", "template": "old"}], "model_max_length": 7}""");
        _folder.Write("chat_template.json", """{"chat_template": "old"}""");
        _folder.Write("generation_config.json", """{"eos_token_id": 5, "temperature": 0.5}""");
        AnswerFiles.Apply(_folder.Path, [], new AnswerFormat("new {{ x }}", [5, 9]));
        JsonObject tokenizer = JsonFile.ReadObject(_folder["tokenizer_config.json"], Codes.BadTokenizer);
        JsonObject generation = JsonFile.ReadObject(_folder["generation_config.json"], Codes.BadTokenizer);
        Assert.Equal(("new {{ x }}", "</s>", 7), ((string?)tokenizer["chat_template"], (string?)tokenizer["eos_token"], (int)tokenizer["model_max_length"]!));
        Assert.Equal("new {{ x }}", File.ReadAllText(_folder["chat_template.jinja"]));
        Assert.False(File.Exists(_folder["chat_template.json"]));
        Assert.Equal(("[5,9]", 0.5), (generation["eos_token_id"]!.ToJsonString(), (double)generation["temperature"]!));
    }

    [Fact]
    public void A_folder_without_generation_config_takes_the_ends_of_its_config()
    {
        AnswerFiles.Apply(_folder.Path, new JsonObject { ["eos_token_id"] = new JsonArray(3, 4) }, new AnswerFormat(null, [3, 9]));
        Assert.Equal("[3,4,9]", JsonFile.ReadObject(_folder["generation_config.json"], Codes.BadTokenizer)["eos_token_id"]!.ToJsonString());
    }

    [Fact]
    public void A_folder_that_ends_there_already_is_not_touched()
    {
        string path = _folder.Write("generation_config.json", "{ \"eos_token_id\":[2, 0] }");
        AnswerFiles.Apply(_folder.Path, [], new AnswerFormat(null, [0, 2]));
        Assert.Equal("{ \"eos_token_id\":[2, 0] }", File.ReadAllText(path));
    }

    [Theory]
    [InlineData(new uint[] { }, new[] { 7 }, "7,-,-")]
    [InlineData(new uint[] { 2 }, new[] { 2 }, "2,-,-")]
    [InlineData(new uint[] { 2 }, new[] { 2, 7 }, "2,7,-")]
    [InlineData(new uint[] { 2, 3 }, new[] { 2, 7 }, "2,7,3")]
    [InlineData(new uint[] { 2, 3, 4 }, new[] { 2, 7 }, "2,7,4")]
    [InlineData(new uint[] { 2, 3, 7 }, new[] { 2, 7 }, "2,3,7")]
    public void A_gguf_file_gets_the_end_beside_those_it_has(uint[] before, int[] ends, string after)
    {
        string[] keys = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];
        var metadata = new GgufMetadata();
        for (int i = 0; i < before.Length; i++)
        {
            metadata.Add(keys[i], before[i]);
        }

        GgufAnswerFormat.Apply(metadata, new AnswerFormat(null, ends));
        Assert.Equal(after, string.Join(',', keys.Select(key => metadata.GetInteger(key)?.ToString() ?? "-")));
    }

    [Fact]
    public void A_gguf_file_gets_the_template_in_place_of_all_of_its_base()
    {
        var metadata = new GgufMetadata();
        metadata.Add("tokenizer.chat_template", "old");
        metadata.Add("tokenizer.chat_templates", new[] { "tool_use" });
        metadata.Add("tokenizer.chat_template.tool_use", "old");
        metadata.Add("general.name", "x");
        GgufAnswerFormat.Apply(metadata, new AnswerFormat("new", []));
        Assert.Equal(["tokenizer.chat_template", "general.name"], metadata.Select(entry => entry.Key));
        Assert.Equal("new", metadata.GetString("tokenizer.chat_template"));
    }
}
