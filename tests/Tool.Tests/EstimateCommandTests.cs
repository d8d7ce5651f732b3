using System.Text.Json;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Training;
using FineTuneTool.TestKit;

namespace FineTuneTool.Tool.Tests;

public sealed class EstimateCommandTests(ModelFixture fixture) : IClassFixture<ModelFixture>
{
    /// <summary>What an estimate may be off by, of the memory that a run really took.</summary>
    private const double Tolerance = 0.1;

    [Fact]
    public void Every_method_has_its_memory_and_time_and_one_is_advised()
    {
        ToolRun run = ToolRun.InProcess("estimate", fixture.Model, "--set", "MaxSeqLength=64", "--json");
        Assert.Equal(0, run.ExitCode);
        JsonElement answer = JsonDocument.Parse(run.Out).RootElement;
        JsonElement[] methods = [.. answer.GetProperty("methods").EnumerateArray()];
        Assert.Equal(SettingTable.Methods, methods.Select(method => method.GetProperty("method").GetString()));
        Assert.All(methods, method =>
        {
            Assert.True(method.GetProperty("tokens_per_second").GetDouble() > 0);
            Assert.True(method.GetProperty("peak_bytes").GetInt64() > method.GetProperty("trained_bytes").GetInt64() + method.GetProperty("weight_bytes").GetInt64());
        });
        Assert.Equal("lora", answer.GetProperty("advice").GetProperty("method").GetString());
        Assert.True(Of(methods, "full").GetProperty("trained_parameters").GetInt64() > Of(methods, "lora").GetProperty("trained_parameters").GetInt64());
        Assert.True(Of(methods, "qlora").GetProperty("weight_bytes").GetInt64() < Of(methods, "lora").GetProperty("weight_bytes").GetInt64());
    }

    [Fact]
    public void Defaults_that_a_build_wrote_out_for_one_method_are_not_those_of_another()
    {
        ToolRun run = ToolRun.InProcess("estimate", fixture.Model, "--set", "FineTuneMethod=lora", "--set", "LoraRank=16", "--set", "MaxSeqLength=64", "--no-probe", "--json");
        JsonElement[] methods = [.. JsonDocument.Parse(run.Out).RootElement.GetProperty("methods").EnumerateArray()];
        Assert.Equal(4 * Of(methods, "lora").GetProperty("trained_parameters").GetInt64(), Of(methods, "qlora").GetProperty("trained_parameters").GetInt64());
    }

    [Fact]
    public void What_does_not_fit_is_said_to_people()
    {
        ToolRun run = ToolRun.InProcess("estimate", fixture.Model, "--set", "MaxSeqLength=64", "--set", "MaxMemory=1MiB");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("does not fit", run.Out, StringComparison.Ordinal);
        Assert.Contains("No method fits", run.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("LoraRank", 2)]
    [InlineData("LoraRank=zero", 1)]
    [InlineData("LoraRnk=3", 1)]
    public void Wrong_settings_are_told(string setting, int exitCode) =>
        Assert.Equal(exitCode, ToolRun.InProcess("estimate", fixture.Model, "--set", setting).ExitCode);

    [SharedTheory("models/SmolLM2-135M-Instruct.Q4_1.gguf")]
    [InlineData("FineTuneMethod=lora MaxSeqLength=512 MicroBatchSize=3")]
    [InlineData("FineTuneMethod=lora MaxSeqLength=512 GradientCheckpointing=true ComputeType=fp32")]
    [InlineData("FineTuneMethod=qlora MaxSeqLength=512 MicroBatchSize=2 Quantization=nf4")]
    [InlineData("FineTuneMethod=full MaxSeqLength=512 Optimizer=adamw-8bit")]
    public void The_estimated_peak_is_the_measured_one(string settings)
    {
        string[][] pairs = [.. settings.Split(' ').Select(pair => pair.Split('='))];
        ToolRun run = ToolRun.InProcess(["estimate", Paths.SmolLm2, "--no-probe", "--json", .. pairs.SelectMany(pair => new[] { "--set", string.Join('=', pair) })]);
        Assert.Equal(0, run.ExitCode);
        JsonElement[] methods = [.. JsonDocument.Parse(run.Out).RootElement.GetProperty("methods").EnumerateArray()];
        JsonElement method = Of(methods, pairs[0][1]);
        long estimated = method.GetProperty("peak_bytes").GetInt64();
        long measured = Measured(pairs);
        Assert.InRange(estimated, (1 - Tolerance) * measured, (1 + Tolerance) * measured);
        if (settings.StartsWith("FineTuneMethod=lora MaxSeqLength=512 MicroBatchSize", StringComparison.Ordinal))
        {
            // Blocks of a file are trained on where they lie: nothing is unpacked.
            long needed = new FileInfo(Paths.SmolLm2).Length + method.GetProperty("trained_bytes").GetInt64() + method.GetProperty("batch_bytes").GetInt64();
            Assert.InRange(measured, 0, 1.15 * needed);
        }
    }

    /// <summary>The peak of a process that trains some steps so.</summary>
    private static long Measured(string[][] settings)
    {
        using var folder = new TemporaryFolder();
        string data = Path.Combine(Paths.Repository, "examples", "smoltalk", "data", "train.jsonl");
        Dictionary<string, SettingText> texts = settings.ToDictionary(pair => pair[0], pair => new SettingText(pair[1]));
        texts["BaseModel"] = new(Paths.SmolLm2);
        texts["MaxSteps"] = new("3");
        texts["TrainOnInputs"] = new("true");
        texts["GradientAccumulationSteps"] = new("1");
        texts["ValidationSplitRatio"] = new("0");
        new ProjectRequest(
            ProjectRequest.CurrentFormatVersion, new ProjectLocation("p", folder.File("p.finetune"), folder.Path, folder.File("obj"), folder.File("bin")), texts,
            [new ProjectItem("TrainingData", data, data, new Dictionary<string, string>())]).Write(folder.File("request.json"));
        foreach (string stage in (string[])["preprocess", "train"])
        {
            ToolRun run = ToolProcess.RunStage(stage, folder.File("request.json"));
            Assert.True(run.ExitCode == 0, run.Out + run.Error);
        }

        string summary = Assert.Single(Directory.GetFiles(folder.File("obj"), TrainingSummary.FileName, SearchOption.AllDirectories));
        return TrainingSummary.Read(summary)!.PeakBytes!.Value;
    }

    private static JsonElement Of(JsonElement[] methods, string name) => methods.Single(method => method.GetProperty("method").GetString() == name);
}
