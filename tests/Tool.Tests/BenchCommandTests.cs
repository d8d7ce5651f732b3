using System.Text.Json;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Speed;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Tool.Commands;

namespace FineTuneTool.Tool.Tests;

public sealed class BenchCommandTests(ModelFixture fixture) : IClassFixture<ModelFixture>
{
    [Fact]
    public void Json_holds_every_figure_and_they_agree()
    {
        ToolRun run = ToolRun.InProcess("bench", fixture.Model, "--rows", "2", "--seq", "16", "--rank", "4", "--runs", "2", "--supervised", "0.5", "--gradient-checkpointing", "--quantization", "keep", "--json");
        Assert.True(run.ExitCode == 0, run.Error);
        JsonElement bench = JsonDocument.Parse(run.Out).RootElement;
        double Number(JsonElement of, string name) => of.GetProperty(name).GetDouble();
        JsonElement mode = Assert.Single(bench.GetProperty("modes").EnumerateArray()), ceiling = bench.GetProperty("ceiling");
        double[] seconds = [.. mode.GetProperty("seconds").EnumerateArray().Select(value => value.GetDouble())];
        Assert.Equal((2, 32, 16), (seconds.Length, mode.GetProperty("tokens").GetInt32(), mode.GetProperty("supervised_tokens").GetInt32()));
        Assert.Equal(32 / seconds.Min(), Number(mode, "tokens_per_second"), 1e-6);
        Assert.Equal(Number(mode, "flops_per_token"), mode.GetProperty("flops").EnumerateObject().Sum(part => part.Value.GetDouble()), 1e-3);
        Assert.Equal(Number(mode, "flops_per_token") * Number(mode, "tokens_per_second") / Number(ceiling, "product_flops_per_second"), Number(mode, "share_of_ceiling"), 1e-9);
        Assert.Equal(Number(mode, "tokens_per_second"), Number(bench, "tokens_per_second"));
        Assert.Equal(Number(mode, "share_of_ceiling"), Number(bench, "share_of_ceiling"));
        Assert.True(mode.GetProperty("peak_bytes").GetInt64() > 10 << 20);
        Assert.Equal(Number(ceiling, "product_flops_per_second") / Number(ceiling, "register_flops_per_second"), Number(ceiling, "product_share_of_registers"), 1e-9);
        Assert.True(Number(ceiling, "read_bytes_per_second") > 0);
        Assert.True(Number(bench, "prefill_tokens_per_second") > 0 && Number(bench, "decode_tokens_per_second") > 0);
        JsonElement[] operations = [.. mode.GetProperty("operations").EnumerateArray()];
        Assert.InRange(operations.Sum(time => Number(time, "seconds")), 0, seconds.Min());
        JsonElement backward = operations.Single(time => time.GetProperty("operation").GetString() == "LinearBackward");
        Assert.Equal(Number(backward, "flops") / Number(backward, "seconds"), Number(backward, "flops_per_second"), 1e-3);
        Assert.Equal(fixture.Model, bench.GetProperty("model").GetString());
        Assert.True(bench.GetProperty("gradient_checkpointing").GetBoolean());
    }

    [Theory]
    [InlineData("--rows", "0")]
    [InlineData("--seq", "one")]
    [InlineData("--rank", "0")]
    [InlineData("--runs", "many")]
    [InlineData("--supervised", "0")]
    [InlineData("--supervised", "1.5")]
    [InlineData("--compute", "fp8")]
    [InlineData("--quantization", "int3")]
    [InlineData("--random", "7b")]
    public void A_bad_option_is_wrong_usage(string option, string value)
    {
        ToolRun run = ToolRun.InProcess("bench", option, value);
        Assert.Equal((2, ""), (run.ExitCode, run.Out));
        Assert.True(run.Error.Contains(option, StringComparison.Ordinal) || run.Error.Contains($"'{value}'", StringComparison.Ordinal), run.Error);
    }

    [Theory]
    [InlineData("generate", "--threads")]
    [InlineData("chat", "--context")]
    public void No_number_where_one_is_needed_is_wrong_usage_of_other_verbs_too(string verb, string option)
    {
        ToolRun run = ToolRun.InProcess(verb, fixture.Model, "--prompt", "x", option, "many");
        Assert.Equal((2, ""), (run.ExitCode, run.Out));
        Assert.Contains(option, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_and_random_weights_exclude_each_other() =>
        Assert.Equal(2, ToolRun.InProcess("bench", fixture.Model, "--random", "135m").ExitCode);

    [Fact]
    public void A_model_that_is_not_there_is_a_diagnostic_before_anything_is_measured()
    {
        ToolRun run = ToolRun.InProcess("bench", "nobody/nothing");
        Assert.Equal((1, ""), (run.ExitCode, run.Out));
        Assert.Contains("FT0004", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("measuring", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_fails_in_a_process_of_its_own_fails_here_with_the_same_diagnostic()
    {
        string folder = fixture.Folder.File("other family");
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.GetFiles(fixture.Model))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        }

        File.WriteAllText(Path.Combine(folder, "config.json"), File.ReadAllText(Path.Combine(folder, "config.json")).Replace("\"llama\"", "\"alpaca\"", StringComparison.Ordinal));
        ToolRun run = ToolRun.InProcess("bench", folder, "--runs", "1", "--json");
        Assert.Equal((1, ""), (run.ExitCode, run.Out));
        Assert.Contains("FT0307", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_tables_name_the_machine_each_mode_and_where_the_time_goes()
    {
        var output = new StringWriter();
        var speed = new TrainingSpeed
        {
            Backend = "cpu/avx512",
            Threads = 2,
            Tokens = 2048,
            SupervisedTokens = 2044,
            Parameters = 134_515_008,
            TrainedParameters = 4_884_480,
            Seconds = [4.5, 4],
            Loss = 12,
            Work = new TrainingWork(4e8, 1e8, 3e7, 7e7),
            Operations = [new OperationTime("LinearBackward", 210, 2, 4e11), new OperationTime("RmsNorm", 121, 0.5, 0), new OperationTime("Zero", 1, 0.001, 0)],
            PeakBytes = 1 << 30,
            ProductFlops = 3.8e11,
        };
        var ceiling = new MachineCeiling(RegisterFlops: 5e11, ProductFlops: 4e11, ReadBytes: 2.5e10);
        var result = new BenchResult(
            "model.gguf", new SpeedSettings { ActivationType = ElementType.BF16 }, ceiling, [new BenchMode(TrainingMode.Plain, "LoRA BF16", speed)],
            new GenerationSpeed(512, 1200, 128, 70, null));
        BenchReport.Write(output, result);
        string[] lines = output.ToString().Split(Environment.NewLine);
        string Line(string start) => string.Join(' ', lines.First(line => line.TrimStart().StartsWith(start, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal("model.gguf: 134.5 M weights; cpu/avx512, threads 2, bf16", lines[0]);
        Assert.Equal("best product, the ceiling 400.0 200.0 80.0 % of the registers", Line("best product"));
        Assert.Equal("LoRA BF16 512.0 76.8 % 1.00 GiB", Line("LoRA BF16"));
        Assert.Equal("answer of 128, one at a time 70.0 unknown", Line("answer"));
        Assert.Equal("LinearBackward 2000.0 50.0 % 200.0 210", Line("LinearBackward"));
        Assert.Equal("everything else 1500.0 37.5 %", Line("everything else"));
        Assert.DoesNotContain("Zero", output.ToString(), StringComparison.Ordinal);

        BenchResult trainingOnly = result with { Generation = null };
        var shorter = new StringWriter();
        BenchReport.Write(shorter, trainingOnly);
        Assert.DoesNotContain("generation", shorter.ToString(), StringComparison.Ordinal);
        Assert.Null(JsonSerializer.SerializeToNode(trainingOnly.ToJson())!["Generation"]);
    }
}
