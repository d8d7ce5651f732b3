using System.Text.Json;
using FineTuneTool.Tool.Commands;

namespace FineTuneTool.Tool.Tests;

public sealed class RenderCommandTests(ModelFixture fixture) : IClassFixture<ModelFixture>
{
    private const string Messages = """[{"role": "user", "content": "질문?"}, {"role": "assistant", "content": "Answer."}]""";
    private const string Text = "<|im_start|>user\n질문?<|im_end|>\n<|im_start|>assistant\nAnswer.<|im_end|>\n";

    [Fact]
    public void The_text_ends_with_one_newline_of_the_command()
    {
        Assert.Equal(Text + Environment.NewLine, Render(Messages).Out);
    }

    [Fact]
    public void Json_holds_text_ids_and_what_is_learnt_of_it()
    {
        JsonElement answer = Json(Render(Messages, "--json"));
        Assert.Equal(Text, answer.GetProperty("text").GetString());
        int start = Text.IndexOf("Answer.", StringComparison.Ordinal);
        Assert.Equal($"[[{start},{start + "Answer.<|im_end|>".Length}]]", answer.GetProperty("supervised").GetRawText());
        Assert.Equal(1, answer.GetProperty("ids")[0].GetInt32());
    }

    [Fact]
    public void A_generation_prompt_is_the_beginning_of_an_answer()
    {
        JsonElement answer = Json(Render("""{"messages": [{"role": "user", "content": "a"}]}""", "--json", "--generation-prompt"));
        Assert.Equal("<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n", answer.GetProperty("text").GetString());
        Assert.Empty(answer.GetProperty("supervised").EnumerateArray());
    }

    [Fact]
    public void The_final_message_can_be_continued()
    {
        Assert.Equal(Text[..Text.LastIndexOf("<|im_end|>", StringComparison.Ordinal)], Json(Render(Messages, "--json", "--continue-final-message")).GetProperty("text").GetString());
    }

    [Fact]
    public void Variables_and_tools_reach_the_template()
    {
        string template = fixture.Folder.Write("variables.jinja", "{{ name }}|{{ flag is true }}|{{ tools | length }}");
        string tools = fixture.Folder.Write("tools.json", "[{}, {}]");
        Assert.Equal("x=y|True|2", Json(Render(Messages, "--json", "--generation-prompt", "--template", template, "--tools", tools, "--set", "name=x=y", "--set", "flag=true")).GetProperty("text").GetString());
    }

    [Fact]
    public void A_built_in_template_is_named()
    {
        JsonElement answer = Json(Render(Messages, "--json", "--template", "alpaca"));
        Assert.Contains("### Instruction:\n질문?", answer.GetProperty("text").GetString(), StringComparison.Ordinal);
        Assert.NotEmpty(answer.GetProperty("supervised").EnumerateArray());
        Assert.EndsWith("### Response:\n", Json(Render("""[{"role": "user", "content": "a"}]""", "--json", "--template", "alpaca", "--generation-prompt")).GetProperty("text").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_option_without_effect_on_a_template_is_FT0005()
    {
        ToolRun run = Render(Messages, "--template", "alpaca", "--continue-final-message");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("FT0005", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Request_lines_are_answered_in_order()
    {
        string requests = fixture.Folder.Write("render.jsonl", $$"""
            {"messages": {{Messages}}}
            {"messages": [{"role": "user", "content": "a"}], "generation_prompt": true, "set": {"unused": null} }
            """);
        string[] lines = ToolRun.InProcess("render", fixture.Model, "--jsonl", requests).Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.Equal(Text, JsonDocument.Parse(lines[0]).RootElement.GetProperty("text").GetString());
        Assert.EndsWith("assistant\n", JsonDocument.Parse(lines[1]).RootElement.GetProperty("text").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_list_of_messages_is_FT0102()
    {
        Assert.Contains("error FT0102", Render("{}").Error, StringComparison.Ordinal);
        Assert.Contains("(2,", Render("[\n nonsense]").Error, StringComparison.Ordinal);
    }

    private static JsonElement Json(ToolRun run) => JsonDocument.Parse(run.Out).RootElement;

    private ToolRun Render(string messages, params string[] options) =>
        ToolRun.InProcess(CommandList.All, messages, ["render", fixture.Model, "--messages", "-", .. options]);
}
