using System.Diagnostics;
using System.Security.Cryptography;
using FineTuneTool.TestKit;
using Microsoft.Build.Logging.StructuredLogger;

namespace FineTuneTool.Sdk.Tests;

/// <summary>The real command line with the real engine on a real, small model.</summary>
[Collection(nameof(SdkFeed))]
public sealed class EngineTests(SdkFeed feed) : IDisposable
{
    private const string Model = "models/SmolLM2-135M-Instruct.Q4_1.gguf";

    private readonly ModelProject _project = new(feed);

    /// <summary>Few steps on short rows.</summary>
    private static string Short(int steps) => $"""
        <BaseModel>{Paths.SmolLm2}</BaseModel>
            <MaxSeqLength>48</MaxSeqLength>
            <MicroBatchSize>1</MicroBatchSize>
            <GradientAccumulationSteps>1</GradientAccumulationSteps>
            <LoraRank>4</LoraRank>
            <LoggingSteps>1</LoggingSteps>
            <MaxNewTokens>4</MaxNewTokens>
            <MaxSteps>{steps}</MaxSteps>
        """;

    public void Dispose() => _project.Dispose();

    [SharedFact(Model)]
    public void From_the_template_to_the_chat_with_the_command_line_alone()
    {
        const string name = "내 legal bot";
        feed.Run(_project.Folder, "new", "finetune", "-n", name, "-o", ".", "--base-model", "MODEL", "--debug:custom-hive", feed.Hive).Succeeded();
        string file = _project.PathOf(name + ".finetune");
        File.WriteAllText(file, File.ReadAllText(file).Replace("<BaseModel>MODEL</BaseModel>", Short(3)).Replace("<MaxSeqLength>512</MaxSeqLength>", ""));

        _project.Build().Succeeded();
        Assert.False(Directory.Exists(_project.PathOf("obj", name, "train")));

        _project.Build("-t:Train").Succeeded();
        string adapter = Assert.Single(Results(name, "train", "adapter_model.safetensors"));
        string before = Sha256(adapter);

        _project.Build("-t:Evaluate").Succeeded();
        Assert.Single(Results(name, "evaluate", "report.html"));
        Assert.Single(Results(name, "evaluate", "metrics.json"));

        _project.Build("-t:Merge").Succeeded();
        Assert.NotEmpty(Files(_project.PathOf("bin", name, "merged"), "*.safetensors"));

        _project.Build("-t:ExportGguf").Succeeded();
        Assert.NotEmpty(Files(_project.PathOf("bin", name, "gguf"), "*.gguf"));

        using DotNetCommand chat = _project.Start("run", "--project", name + ".finetune");
        Assert.NotEmpty(chat.Finish("Why is the sky blue?\n").Succeeded().Output.Trim());

        Build again = _project.BuildWithLog("-t:ExportGguf");
        Assert.Equal(4, Messages(again).Count(message => message.EndsWith(" is up to date", StringComparison.Ordinal)));
        Assert.DoesNotContain(Messages(again), message => message.Contains(" runs "));
        Assert.Equal(before, Sha256(adapter));

        Build other = _project.BuildWithLog("-t:Train", "-p:LearningRate=3e-4");
        Assert.Contains("train runs again: LearningRate 0.0001 → 0.0003", Messages(other));
        Assert.DoesNotContain(Messages(other), message => message.Contains("preprocess runs"));
        Assert.Equal(2, Results(name, "train", "adapter_model.safetensors").Length);
    }

    [UnixFact(Model)]
    public void A_training_that_was_stopped_killed_or_left_alone_goes_on_to_the_same_adapter()
    {
        const string rows = """{"instruction": "Say the colour of the sky.", "output": "Blue, on a day without clouds."}""";
        _project.Write("data.jsonl", string.Concat(Enumerable.Repeat(rows + "\n", 24)));
        foreach (string name in new[] { "whole", "stopped", "killed", "left" })
        {
            _project.WithProject(name, Short(12) + "<SaveSteps>2</SaveSteps>", "<TrainingData Include=\"data.jsonl\" />");
        }

        _project.Build("whole.finetune", "-t:Train").Succeeded();

        // Ctrl-C: the engine is asked on its standard input.
        using (DotNetCommand build = Training("stopped"))
        {
            build.Interrupt();
            Assert.Contains("resume with the same command", build.Finish().Failed().Output);
        }

        // The engine is killed: nobody can write a checkpoint any more.
        using (DotNetCommand build = Training("killed"))
        {
            EngineOf("killed").Kill();
            Assert.Contains("error FT2004", build.Finish().Failed().Output);
        }

        // The build is killed: the engine sees the end of its input.
        using (DotNetCommand build = Training("left"))
        {
            using Process engine = EngineOf("left");
            build.Kill();
            Assert.True(engine.WaitForExit(TimeSpan.FromMinutes(1)));
        }

        foreach (string name in new[] { "stopped", "killed", "left" })
        {
            Assert.DoesNotContain(Results(name, "train", "adapter_model.safetensors"), path => !path.Contains(".partial"));
            Assert.Contains("train goes on where it was stopped", _project.Build($"{name}.finetune", "-t:Train").Succeeded().Output);
            Assert.Equal(Sha256(Results("whole", "train", "adapter_model.safetensors").Single()), Sha256(Results(name, "train", "adapter_model.safetensors").Single()));
        }
    }

    [Fact]
    public void A_base_model_that_is_not_there_is_FT0004_with_three_ways_to_supply_it()
    {
        _project.Write("data.jsonl", """{"instruction": "Hello", "output": "Hi"}""");
        _project.WithProject("legal", "<BaseModel>nobody/no-model</BaseModel>", "<TrainingData Include=\"data.jsonl\" />");

        string output = _project.Build("legal.finetune").Failed().Output;

        Assert.Contains("legal.finetune(3,5): error FT0004", output);
        Assert.Contains(".gguf", output);
        Assert.Contains("Hugging Face folder", output);
        Assert.Contains("Hub cache", output);
    }

    [Fact]
    public void A_value_that_is_not_allowed_is_FT0001_at_its_place_with_a_suggestion()
    {
        _project.WithProject("legal", "<BaseModel>nobody/no-model</BaseModel>\n    <LrScheduler>cosin</LrScheduler>");

        string output = _project.Build("legal.finetune").Failed().Output;

        Assert.Contains("legal.finetune(4,5): error FT0001", output);
        Assert.Contains("Did you mean cosine?", output);
    }

    /// <summary>A build that has written its first checkpoint and is still training.</summary>
    private DotNetCommand Training(string name)
    {
        DotNetCommand build = _project.Start("build", $"{name}.finetune", "-t:Train");
        string folder = _project.PathOf("obj", name, "train");
        var watch = Stopwatch.StartNew();
        while (!Directory.Exists(folder) || Directory.GetDirectories(folder, "checkpoint-*", SearchOption.AllDirectories).Length == 0)
        {
            Assert.True(watch.Elapsed < TimeSpan.FromMinutes(5), "No checkpoint was written.");
            Thread.Sleep(20);
        }

        return build;
    }

    /// <summary>The engine's process, found by the request that it was given.</summary>
    private Process EngineOf(string name)
    {
        string request = _project.PathOf("obj", name, "train", "request.json");
        int id = Directory.GetDirectories("/proc").Select(folder => int.TryParse(Path.GetFileName(folder), out int number) ? number : 0)
            .First(number => number > 0 && CommandLine(number).Contains(request, StringComparison.Ordinal));
        return Process.GetProcessById(id);
    }

    private static string CommandLine(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline");
        }
        catch (IOException)
        {
            return "";
        }
    }

    private string[] Results(string name, string stage, string file) => Files(_project.PathOf("obj", name, stage), file);

    private static string[] Files(string folder, string pattern) =>
        [.. Directory.GetFiles(folder, pattern, SearchOption.AllDirectories).Where(path => !path.Contains("checkpoint-"))];

    private static string Sha256(string file) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)));

    private static List<string> Messages(Build build)
    {
        var messages = new List<string>();
        build.VisitAllChildren<Message>(message => messages.Add(message.Text));
        return messages;
    }
}
