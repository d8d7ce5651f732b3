using System.Text.Json.Nodes;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Prompts.Jinja;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Engine.Tests.Stages;

namespace FineTuneTool.Engine.Tests.Complaints;

/// <summary>Prepared data that were stale, or prepared again for nothing, as users of such tools complain about them.</summary>
public sealed class CacheComplaints : IDisposable
{
    private readonly TinyProject _project = new();

    public CacheComplaints()
    {
        _project.Settings["PromptTemplate"] = new("own.jinja");
        File.WriteAllText(_project.PathOf("own.jinja"), "{% for m in messages %}{{ m.role }}: {% generation %}{{ m.content + eos_token }}{% endgeneration %}\n{% endfor %}");
        Assert.Equal(StageStatus.Done, Prepare().Status);
    }

    public void Dispose() => _project.Dispose();

    private StageResult Prepare() => _project.Run("preprocess");

    /// <summary>Every file of the data sets, as one text.</summary>
    private string Prepared()
    {
        StageResult result = Prepare();
        return string.Join('\n', result.Outputs.Values.Where(path => path.EndsWith(".tokens", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
            .Select(path => Convert.ToHexString(File.ReadAllBytes(path))));
    }

    [Fact]
    public void Nothing_changed_prepares_nothing()
    {
        Assert.Equal(StageStatus.UpToDate, Prepare().Status);
        Assert.Equal(StageStatus.UpToDate, Prepare().Status);
    }

    /// <summary>Tokens of another tokenizer were used again: the loss began at 10 instead of 4.</summary>
    [Fact]
    public void Another_tokenizer_prepares_the_data_again()
    {
        string before = Prepared(), path = _project.PathOf("base/tokenizer.json");
        JsonNode tokenizer = JsonNode.Parse(File.ReadAllText(path))!;
        tokenizer["normalizer"] = new JsonObject { ["type"] = "Lowercase" };
        File.WriteAllText(path, tokenizer.ToJsonString());
        Assert.Equal(StageStatus.Done, Prepare().Status);
        Assert.NotEqual(before, Prepared());
    }

    /// <summary>Only the name of the data file was in the key.</summary>
    [Fact]
    public void An_edited_data_file_is_prepared_again()
    {
        string before = Prepared(), path = _project.PathOf("train.jsonl");
        DateTime time = File.GetLastWriteTimeUtc(path);
        File.WriteAllText(path, File.ReadAllText(path).Replace("Answer 3.", "Answer 8."));
        File.SetLastWriteTimeUtc(path, time.AddSeconds(1));
        Assert.Equal(StageStatus.Done, Prepare().Status);
        Assert.NotEqual(before, Prepared());
    }

    /// <summary>Edits of a template "may not be picked up".</summary>
    [Fact]
    public void An_edited_template_is_prepared_again()
    {
        string before = Prepared(), path = _project.PathOf("own.jinja");
        File.WriteAllText(path, File.ReadAllText(path).Replace("}}: ", "}} says: "));
        Assert.Equal(StageStatus.Done, Prepare().Status);
        Assert.NotEqual(before, Prepared());
        Assert.Contains(_project.Events.Milestones, text => text.StartsWith("preprocess runs again: prompt template own.jinja", StringComparison.Ordinal));
    }

    /// <summary>The output folder was in the key.</summary>
    [Fact]
    public void Another_output_folder_does_not_prepare_again()
    {
        StageContext here = _project.Context();
        var elsewhere = new StageContext(here.Request with { Project = here.Request.Project with { BinFolder = _project.PathOf("elsewhere") } }, _project.Events);
        Assert.Equal(StageStatus.UpToDate, StageRunner.Run(StageList.Find("preprocess")!, elsewhere).Status);
    }

    /// <summary>Unstable fingerprints: a copy of the project, or a file with another time, was prepared again.</summary>
    [Fact]
    public void A_file_with_another_time_is_not_prepared_again()
    {
        File.SetLastWriteTimeUtc(_project.PathOf("train.jsonl"), DateTime.UtcNow.AddDays(-1));
        Assert.Equal(StageStatus.UpToDate, Prepare().Status);
    }

    /// <summary>A setting of training prepared the data again.</summary>
    [Fact]
    public void Another_learning_rate_does_not_prepare_again()
    {
        _project.Settings["LearningRate"] = new("5e-3");
        Assert.Equal(StageStatus.UpToDate, Prepare().Status);
    }

    /// <summary>The length was not in the key of prepared data.</summary>
    [Fact]
    public void Another_length_prepares_the_data_again()
    {
        _project.Settings["MaxSeqLength"] = new("16");
        Assert.Equal(StageStatus.Done, Prepare().Status);
        using TokenizedDataset rows = TokenizedDataset.Open(Prepare().Outputs["train"]);
        Assert.True(rows.Lengths.Max() <= 16);
    }

    /// <summary>Long conversations were rendered again for every turn. What is allocated stands for the work: by the square it would be four times as much.</summary>
    [Fact]
    public void A_conversation_twice_as_long_is_about_twice_the_work()
    {
        var template = new ChatTemplate(JinjaTemplate.Parse("{% for m in messages %}<{{ m.role }}> {{ m.content }}</s>\n{% endfor %}{{ '<assistant> ' if add_generation_prompt }}", "chat"),
            new Dictionary<string, string>());
        Work(100);
        long once = Work(400), twice = Work(800);
        Assert.InRange(twice, once, 2.5 * once);

        long Work(int turns)
        {
            JsonArray messages = [.. Enumerable.Range(0, turns).Select(i => new JsonObject { ["role"] = i % 2 == 0 ? "user" : "assistant", ["content"] = $"What was said in turn {i}." })];
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Equal(turns / 2, new SupervisedTurns(template, messages, ChatTemplateOptions.Default, default).Render().Supervised.Count);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    /// <summary>Preparing with several processes hung, or cut the rows otherwise.</summary>
    [Fact]
    public void Any_number_of_threads_prepares_the_same_bytes()
    {
        string before = Prepared();
        Directory.Delete(_project.PathOf("obj/p/preprocess"), recursive: true);
        StageResult one = StageRunner.Run(StageList.Find("preprocess")!, _project.Context(threads: 1));
        Assert.Equal(StageStatus.Done, one.Status);
        Assert.Equal(before, Prepared());
    }
}
