using System.Text.Json;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Tool.Tests;

public sealed class VerifyCommandTests(ModelFixture fixture) : IClassFixture<ModelFixture>
{
    [Fact]
    public void A_merged_folder_passes_and_the_base_alone_fails_as_FT0009()
    {
        string merged = Merge();
        ToolRun run = ToolRun.InProcess("verify", fixture.Model, fixture.Adapter, merged, fixture.Model);
        string[] lines = run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(1, run.ExitCode);
        Assert.StartsWith("ok", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("failed", lines[1], StringComparison.Ordinal);
        string diagnostic = Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith($"{fixture.Model}: error FT0009:", diagnostic, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_has_the_numbers_of_each_file()
    {
        ToolRun run = ToolRun.InProcess("verify", fixture.Model, fixture.Adapter, Merge(), "--json", "--prompt", "The old lighthouse");
        JsonElement result = JsonDocument.Parse(run.Out).RootElement;
        Assert.Equal(0, run.ExitCode);
        Assert.True(result.GetProperty("passed").GetBoolean());
        Assert.Equal("F32", result.GetProperty("type").GetString());
        Assert.InRange(result.GetProperty("relative_error").GetDouble(), 0, result.GetProperty("bound").GetDouble());
        Assert.Equal(16, result.GetProperty("greedy_equal").GetInt32());
    }

    [Fact]
    public void The_reference_alone_is_quantised()
    {
        Assert.Equal(0, ToolRun.InProcess("verify", fixture.Model, fixture.Adapter, Merge()).ExitCode);
        Assert.Equal(1, ToolRun.InProcess("verify", fixture.Model, fixture.Adapter, Merge(), "--quantization", "nf4").ExitCode);
    }

    private string Merge()
    {
        string folder = fixture.Folder.File("merged");
        if (Directory.Exists(folder))
        {
            return folder;
        }

        Directory.CreateDirectory(folder);
        foreach (string file in new[] { "config.json", "tokenizer.json", "tokenizer_config.json" })
        {
            File.Copy(Path.Combine(fixture.Model, file), Path.Combine(folder, file));
        }

        using var backend = CpuBackend.Create(1);
        using ModelFiles files = ModelFiles.Open(fixture.Model);
        using Decoder decoder = Decoder.Load(files, backend);
        using PeftAdapter stored = PeftAdapter.Read(fixture.Adapter);
        using LoraAdapter adapter = LoraAdapter.Load(decoder, stored, trainable: false);
        SafetensorsWriter.WriteModel(folder, [.. AdapterMerge.Weights(decoder, adapter).Select(weight => weight.ToSource(ElementType.F32))]);
        return folder;
    }
}
