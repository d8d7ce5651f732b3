using System.Security.Cryptography;
using System.Text.RegularExpressions;
using FineTuneTool.TestKit;

namespace FineTuneTool.Sdk.Tests;

/// <summary>The program that writes the texts of the quickstart.</summary>
[Collection(nameof(SdkFeed))]
public sealed class StoryProgramTests(SdkFeed feed) : IDisposable
{
    private static readonly string Example = Path.Combine(Paths.Repository, "examples", "quickstart");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_writes_the_rows_and_the_unseen_prompts_that_lie_in_the_example()
    {
        Stories("rows", "0", "300", _folder["rows.jsonl"]).Succeeded();
        Stories("prompts", "300", "10", _folder["prompts.jsonl"]).Succeeded();

        Assert.Equal(File.ReadAllText(Path.Combine(Example, "data", "train.jsonl")), File.ReadAllText(_folder["rows.jsonl"]));
        Assert.Equal(File.ReadAllText(Path.Combine(Example, "data", "unseen.jsonl")), File.ReadAllText(_folder["prompts.jsonl"]));
    }

    [Fact]
    public void It_writes_the_corpus_whose_hash_the_pretraining_names()
    {
        string project = File.ReadAllText(Path.Combine(Example, "pretrain", "Pretraining.targets"));
        Stories("corpus", Setting(project, "Stories"), _folder["corpus.jsonl"]).Succeeded();

        using FileStream corpus = File.OpenRead(_folder["corpus.jsonl"]);
        Assert.Equal(Setting(project, "StoriesSha256"), Convert.ToHexString(SHA256.HashData(corpus)));
    }

    [Theory]
    [InlineData("1 of 1", "Title: The Shy Owl and the Lamp\\n\\nOnce there was a shy owl whose name was Hoot. He was afraid.\\n\\nThen he took a small step, and then another.\\n\\nMoral: Small steps make us brave.<|im_end|>")]
    [InlineData("0 of 1", "Once there was a shy owl whose name was Hoot. He was afraid.\\n\\nThen he took a small step, and then another.\\n\\nMoral: Small steps make us brave.")]
    [InlineData("0 of 1", "Title: The Shy Owl\\n\\nOnce there was a shy owl whose name was Hoot. He was afraid.\\n\\nThen he took a small step, and then another.")]
    [InlineData("0 of 1", "Title: The Shy Owl\\n\\nMoral: Small steps make us brave.")]
    [InlineData("0 of 1", "Title: The Shy Owl\\n\\nOnce there was a shy owl whose name was Hoot. He was afraid.\\n\\nThen he took a small step, and then another.\\n\\nMoral: Small steps.\\n\\nTitle: More")]
    public void It_counts_answers_with_title_story_and_moral(string counted, string answer) =>
        Assert.StartsWith(counted, Stories("check", _folder.Write("answers.jsonl", $"{{\"text\": \"{answer}\"}}\n"), "0", "1").Succeeded().Output.Trim(), StringComparison.Ordinal);

    [Fact]
    public void Too_few_answers_with_the_form_fail()
    {
        string answers = _folder.Write("answers.jsonl", "{\"text\": \"Once.\"}\n");
        Stories("check", answers, "1", "1").Failed();
    }

    private static string Setting(string project, string name) => Regex.Match(project, $"<{name}>(.+)</{name}>").Groups[1].Value;

    private CommandResult Stories(params string[] arguments) =>
        feed.Run(_folder.Path, ["run", "--project", Path.Combine(Example, "pretrain", "stories"), "-c", "Release", "--", .. arguments]);
}
