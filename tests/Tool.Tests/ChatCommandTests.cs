using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Stages;
using FineTuneTool.TestKit;
using FineTuneTool.Tool.Commands;

namespace FineTuneTool.Tool.Tests;

public sealed class ChatCommandTests(ModelFixture fixture) : IClassFixture<ModelFixture>
{
    [Fact]
    public void One_question_is_answered_on_standard_output()
    {
        ToolRun run = Chat("", "--prompt", "Hi");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.NotEmpty(run.Out.Trim());
    }

    [Fact]
    public void Json_has_text_tokens_speed_and_why_it_ended()
    {
        JsonElement answer = JsonDocument.Parse(Chat("", "--prompt", "Hi", "--json").Out).RootElement;
        Assert.Equal(["text", "tokens", "tokens_per_second", "stop_reason"], answer.EnumerateObject().Select(property => property.Name));
        Assert.Equal(5, answer.GetProperty("tokens").GetInt32());
    }

    [Fact]
    public void A_pipe_is_a_conversation_of_a_line_each()
    {
        string[] talk = Answers(Chat("Hi\nAnd now?\n", "--json"));
        string[] alone = Answers(Chat("And now?\n", "--json"));
        Assert.Equal(2, talk.Length);
        Assert.NotEqual(alone[0], talk[1]);
    }

    [Fact]
    public void Reset_begins_anew()
    {
        string[] talk = Answers(Chat("Hi\n/reset\nHi\n", "--json"));
        Assert.Equal(talk[0], talk[1]);
    }

    [Fact]
    public void The_system_message_counts_from_the_option_and_from_the_command()
    {
        string plain = Answers(Chat("Hi\n", "--json"))[0];
        string option = Answers(Chat("Hi\n", "--json", "--system", "You are a pirate."))[0];
        string command = Answers(Chat("/system You are a pirate.\nHi\n", "--json"))[0];
        Assert.NotEqual(plain, option);
        Assert.Equal(option, command);
    }

    [Fact]
    public void Adapters_are_switched_while_talking()
    {
        string with = Answers(Chat("Hi\n", "--json", "--adapter", fixture.Adapter))[0];
        string without = Answers(Chat("Hi\n", "--json"))[0];
        ToolRun run = Chat("Hi\n/reset\n/adapter none\nHi\n/reset\n/adapter accent\nHi\n/adapter nonsense\n", "--json", "--adapter", fixture.Adapter);
        Assert.Equal([with, without, with], Answers(run));
        Assert.Contains("There is no adapter nonsense. Adapters: accent, none. Now: accent.", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_command_is_answered_with_those_there_are()
    {
        ToolRun run = Chat("/dance\n/exit\nHi\n");
        Assert.Equal((0, ""), (run.ExitCode, run.Out));
        Assert.Contains("/reset", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_demo_answers_the_sample_prompts()
    {
        ToolRun run = Chat("", "--demo");
        Assert.Equal(3, run.Out.Split('\n').Count(line => line.StartsWith("> ", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_full_context_is_said()
    {
        ToolRun run = Chat(string.Concat(Enumerable.Repeat("one two three four five\n", 6)), "--context", "64");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("The context is full", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_template_file_replaces_the_models_own()
    {
        string template = fixture.Folder.Write("plain.jinja", "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:");
        Assert.NotEqual(Answers(Chat("Hi\n", "--json"))[0], Answers(Chat("Hi\n", "--json", "--template", template))[0]);
        Assert.Contains("FT0254", Chat("Hi\n", "--template", "no-such.jinja").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_template_of_one_question_forgets_the_turns_before_and_says_so()
    {
        string template = fixture.Folder.Write("qa.yaml", "name: qa\nprompt: |\n  Q: {{ instruction }}\n  A:\ncompletion: \"{{ output }}\"\nstop: [\"Q:\"]\n");
        ToolRun run = Chat("Hi\nAnd now?\n", "--json", "--template", template);
        Assert.Contains("The template qa holds one question", run.Error, StringComparison.Ordinal);
        Assert.Equal(Answers(Chat("And now?\n", "--json", "--template", template))[0], Answers(run)[1]);
    }

    [Fact]
    public void A_model_without_a_chat_template_is_asked_in_the_form_of_alpaca()
    {
        string model = TinyModel.Write(fixture.Folder.File("base model"));
        File.Delete(Path.Combine(model, "chat_template.jinja"));
        string config = Path.Combine(model, "tokenizer_config.json");
        JsonObject declared = JsonNode.Parse(File.ReadAllText(config))!.AsObject();
        declared.Remove("chat_template");
        File.WriteAllText(config, declared.ToJsonString());
        ToolRun own = ToolRun.InProcess("chat", model, "--prompt", "Hi", "--temperature", "0", "--max-new-tokens", "5");
        ToolRun named = ToolRun.InProcess("chat", model, "--prompt", "Hi", "--temperature", "0", "--max-new-tokens", "5", "--template", "alpaca");
        Assert.Equal(0, own.ExitCode);
        Assert.Equal(named.Out, own.Out);
    }

    [Fact]
    public void A_project_talks_with_its_newest_adapter_system_prompt_and_sample_prompts()
    {
        using var folder = new TemporaryFolder();
        string project = Trained(folder, "adapter", fixture.Adapter, new()
        {
            ["BaseModel"] = fixture.Model,
            ["SystemPrompt"] = "You are a pirate.",
            ["Temperature"] = "0",
            ["MaxNewTokens"] = "5",
        });
        string expected = Answers(Chat("Hi\n", "--json", "--adapter", fixture.Adapter, "--system", "You are a pirate."))[0];
        Assert.Equal([expected], Answers(ToolRun.InProcess("chat", "--project", project, "--prompt", "Hi", "--json")));
        Assert.Equal([expected], Answers(ToolRun.InProcess("chat", "--project", folder.Path, "--demo", "--json")));
    }

    [Fact]
    public void A_project_of_full_fine_tuning_talks_with_its_model()
    {
        using var folder = new TemporaryFolder();
        string project = Trained(folder, "model", fixture.Model, new()
        {
            ["FineTuneMethod"] = "full",
            ["BaseModel"] = "no/such-base",
            ["Temperature"] = "0",
            ["MaxNewTokens"] = "5",
        });
        Assert.Equal(Answers(Chat("Hi\n", "--json")), Answers(ToolRun.InProcess("chat", "--project", project, "--prompt", "Hi", "--json")));
    }

    [Fact]
    public void A_project_of_qlora_talks_with_the_base_as_it_was_trained_on()
    {
        using var folder = new TemporaryFolder();
        string Answer(string method, params string[] options) => Answers(ToolRun.InProcess(
            CommandList.All, "Hi\n",
            ["chat", "--project", Trained(folder, "adapter", fixture.Adapter, new() { ["BaseModel"] = fixture.Model, ["FineTuneMethod"] = method, ["Temperature"] = "0", ["MaxNewTokens"] = "20" }),
                "--json", .. options]))[0];
        string qlora = Answer("qlora");
        Assert.Equal(qlora, Answer("lora", "--quantization", "nf4", "--double-quantization"));
        Assert.NotEqual(qlora, Answer("qlora", "--quantization", "none"));
    }

    [Fact]
    public void Nested_scales_need_a_quantisation() => Assert.Equal(2, Chat("Hi\n", "--double-quantization").ExitCode);

    [Fact]
    public void A_project_that_was_not_trained_is_FT0008()
    {
        using var folder = new TemporaryFolder();
        ToolRun run = ToolRun.InProcess("chat", "--project", folder.Write("p.finetune", "<Project />"), "--prompt", "Hi");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("error FT0008: p.finetune has not been trained", run.Error, StringComparison.Ordinal);
        Assert.Contains("-t:Train", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_model_and_project_the_folder_must_hold_a_project()
    {
        using var empty = new TemporaryFolder();
        ToolRun run = ToolRun.InProcess("chat", "--project", empty.Path, "--prompt", "Hi");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("FT0008", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_process_of_its_own_answers_a_pipe_in_any_script()
    {
        string command = Path.Combine(AppContext.BaseDirectory, "finetune.dll");
        var start = new ProcessStartInfo("dotnet", [command, "chat", fixture.Model, "--temperature", "0", "--max-new-tokens", "5", "--json", "--threads", "1"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(false),
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        using Process process = Process.Start(start)!;
        process.StandardInput.Write("계약서의 면책 조항이 무엇인지 설명해 줘.\n");
        process.StandardInput.Close();
        string output = process.StandardOutput.ReadToEnd();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal((0, ""), (process.ExitCode, error));
        Assert.Equal(Answers(Chat("계약서의 면책 조항이 무엇인지 설명해 줘.\n", "--json")), Answers(new ToolRun(0, output, error)));
    }

    /// <summary>A project as a finished training leaves it.</summary>
    private static string Trained(TemporaryFolder folder, string output, string path, Dictionary<string, string> settings)
    {
        string project = folder.Write("p.finetune", "<Project />"), obj = folder.File("obj/p");
        string result = Path.Combine(obj, "train", "0123456789abcdef");
        Directory.CreateDirectory(result);
        new StageMarker("train", "0123456789abcdef", [], new Dictionary<string, string> { [output] = path }, 1).Write(result);
        folder.Write("obj/p/train/latest.json", """{"folder": "0123456789abcdef"}""");
        var sample = new ProjectItem("SamplePrompt", "Hi", null, new Dictionary<string, string>());
        new ProjectRequest(
            ProjectRequest.CurrentFormatVersion, new ProjectLocation("p", project, folder.Path, obj, folder.File("bin")),
            settings.ToDictionary(pair => pair.Key, pair => new SettingText(pair.Value)), [sample]).Write(Path.Combine(obj, "train", "request.json"));
        return project;
    }

    private static string[] Answers(ToolRun run) =>
        [.. run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("text").GetString()!)];

    private ToolRun Chat(string input, params string[] options) =>
        ToolRun.InProcess(CommandList.All, input, ["chat", fixture.Model, "--temperature", "0", "--max-new-tokens", "5", .. options]);
}
