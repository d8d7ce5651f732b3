using System.Text.Json;
using FineTuneTool.Engine.Stages;
using FineTuneTool.TestKit;

namespace FineTuneTool.Tool.Tests;

public sealed class InspectCommandTests(ModelFixture fixture) : IClassFixture<ModelFixture>
{
    [Fact]
    public void A_model_folder_tells_its_architecture_tokenizer_and_tensors()
    {
        JsonElement model = Json(fixture.Model);
        Assert.Equal("model", model.GetProperty("kind").GetString());
        Assert.Equal(32, model.GetProperty("architecture").GetProperty("hidden_size").GetInt32());
        Assert.Equal(49152, model.GetProperty("tokenizer").GetProperty("tokens").GetInt32());
        Assert.Equal(model.GetProperty("types").GetProperty("F32").GetInt32(), model.GetProperty("tensors").GetArrayLength());
        Assert.Contains("tokenizer.json", model.GetProperty("files").EnumerateArray().Select(file => file.GetString()));
    }

    [Fact]
    public void Text_counts_the_tensors_and_lists_them_when_asked()
    {
        ToolRun brief = ToolRun.InProcess("inspect", fixture.Model);
        Assert.Equal(0, brief.ExitCode);
        Assert.DoesNotContain("embed_tokens", brief.Out, StringComparison.Ordinal);
        Assert.Contains("model.embed_tokens.weight  F32  49152 × 32", ToolRun.InProcess("inspect", fixture.Model, "--tensors").Out, StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_tells_its_configuration()
    {
        JsonElement adapter = Json(fixture.Adapter);
        Assert.Equal(("adapter", "LORA"), (adapter.GetProperty("kind").GetString(), adapter.GetProperty("peft_type").GetString()));
        Assert.Equal(4, adapter.GetProperty("config").GetProperty("r").GetInt32());
    }

    [Fact]
    public void A_safetensors_file_tells_its_tensors()
    {
        JsonElement file = Json(Path.Combine(fixture.Adapter, "adapter_model.safetensors"));
        Assert.Equal("safetensors", file.GetProperty("kind").GetString());
        Assert.True(file.GetProperty("parameters").GetInt64() > 0);
    }

    [SharedFact("models/SmolLM2-135M-Instruct.Q4_1.gguf")]
    public void A_gguf_file_tells_its_metadata_without_the_vocabulary()
    {
        JsonElement file = Json(Paths.SmolLm2);
        Assert.Equal("gguf", file.GetProperty("kind").GetString());
        Assert.Equal("llama", file.GetProperty("metadata").GetProperty("general.architecture").GetString());
        Assert.Equal("49152 values", file.GetProperty("metadata").GetProperty("tokenizer.ggml.tokens").GetString());
        Assert.Equal(272, file.GetProperty("tensors").GetArrayLength());
    }

    [Fact]
    public void A_data_file_tells_rows_formats_and_columns()
    {
        string data = fixture.Folder.Write("data.jsonl", "{\"instruction\": \"a\", \"output\": \"b\"}\n{\"text\": \"c\"}\n");
        JsonElement file = Json(data);
        Assert.Equal(2, file.GetProperty("rows").GetInt32());
        Assert.Equal("""{"alpaca":1,"text":1}""", file.GetProperty("formats").GetRawText());
        Assert.Equal("""{"instruction":1,"output":1,"text":1}""", file.GetProperty("columns").GetRawText());
    }

    [Fact]
    public void A_stage_folder_tells_what_it_was_made_from()
    {
        string folder = Directory.CreateDirectory(fixture.Folder.File("stage")).FullName;
        new StageMarker("train", "abc", [new KeyLine("LoraRank", "8")], new Dictionary<string, string> { ["adapter"] = "adapter" }, 1.5).Write(folder);
        JsonElement stage = Json(folder);
        Assert.Equal(("stage", "train"), (stage.GetProperty("kind").GetString(), stage.GetProperty("stage").GetString()));
        Assert.Equal("8", stage.GetProperty("made_from").GetProperty("LoraRank").GetString());
        Assert.Equal(Path.Combine(folder, "adapter"), stage.GetProperty("outputs").GetProperty("adapter").GetString());
    }

    [Fact]
    public void What_cannot_be_inspected_is_FT0301()
    {
        ToolRun run = ToolRun.InProcess("inspect", fixture.Folder.Write("picture.png", "x"));
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("error FT0301", run.Error, StringComparison.Ordinal);
    }

    private static JsonElement Json(string path)
    {
        ToolRun run = ToolRun.InProcess("inspect", path, "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        return JsonDocument.Parse(run.Out).RootElement;
    }
}
