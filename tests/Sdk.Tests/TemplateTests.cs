using FineTuneTool.TestKit;

namespace FineTuneTool.Sdk.Tests;

/// <summary><c>dotnet new finetune</c> from the installed package.</summary>
[Collection(nameof(SdkFeed))]
public sealed class TemplateTests(SdkFeed feed) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Without_options_a_project_with_sample_rows_is_made_that_names_this_version_of_the_SDK()
    {
        New("법률 & bot").Succeeded();

        Assert.Equal(
            [".gitignore", "README.md", "base/README.md", "base/stories.gguf", "data/train.jsonl", "법률 & bot.finetune", "법률 & bot.slnx"],
            Directory.GetFiles(_folder.File("법률 & bot"), "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
                .Select(file => Path.GetRelativePath(_folder.File("법률 & bot"), file).Replace('\\', '/')).Order(StringComparer.Ordinal));
        string project = Read("법률 & bot", "법률 & bot.finetune");
        Assert.StartsWith($"<Project Sdk=\"FineTuneTool.Sdk/{feed.Version}\">", project);
        Assert.Contains("<FineTuneMethod>lora</FineTuneMethod>", project);
        Assert.Contains("<BaseModel>base/stories.gguf</BaseModel>", project);
        Assert.DoesNotContain("#if", project);
        Assert.DoesNotContain("PromptTemplate", project);
        Assert.Contains("Path=\"법률 &amp; bot.finetune\"", Read("법률 & bot", "법률 & bot.slnx"));
    }

    [Fact]
    public void Options_become_settings_and_own_data_replaces_the_sample()
    {
        New("legal", "--method", "qlora", "--base-model", "models/a & b.gguf", "--data", "rows/*.csv", "--prompt-template", "prompt.yaml").Succeeded();

        string project = Read("legal", "legal.finetune");
        Assert.Contains("<FineTuneMethod>qlora</FineTuneMethod>", project);
        Assert.Contains("<BaseModel>models/a &amp; b.gguf</BaseModel>", project);
        Assert.Contains("<PromptTemplate>prompt.yaml</PromptTemplate>", project);
        Assert.Contains("<TrainingData Include=\"rows/*.csv\" />", project);
        Assert.Contains("name: \"legal\"", Read("legal", "prompt.yaml"));
        Assert.False(Directory.Exists(Path.Combine(_folder.File("legal"), "data")));
    }

    [Fact]
    public void The_model_and_the_rows_of_a_project_without_options_are_those_of_the_quickstart()
    {
        New("stories").Succeeded();

        foreach (string file in (string[])["base/stories.gguf", "data/train.jsonl"])
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(Paths.Repository, "examples", "quickstart", file)), File.ReadAllBytes(Path.Combine(_folder.File("stories"), file)));
        }
    }

    [Fact]
    public void A_base_model_of_ones_own_brings_other_rows_and_no_model()
    {
        New("legal", "--base-model", "model.gguf").Succeeded();

        Assert.False(Directory.Exists(Path.Combine(_folder.File("legal"), "base")));
        Assert.Contains("In short:", Read("legal", "data/train.jsonl"));
        Assert.Contains("Why is the sky blue?", Read("legal", "legal.finetune"));
    }

    [Fact]
    public void A_project_without_options_trains_without_anything_else()
    {
        New("stories").Succeeded();
        using var project = new ModelProject(feed);
        foreach (string file in Directory.GetFiles(_folder.File("stories"), "*", SearchOption.AllDirectories))
        {
            string target = project.PathOf(Path.GetRelativePath(_folder.File("stories"), file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        project.Build("-t:Train", "-p:MaxSteps=2").Succeeded();

        Assert.Single(Directory.GetFiles(project.PathOf("obj", "stories", "train"), "training.json", SearchOption.AllDirectories));
    }

    [Fact]
    public void A_method_that_does_not_exist_is_refused_with_the_list()
    {
        Assert.Contains("qlora", New("legal", "--method", "qloro").Failed().Output);
    }

    private CommandResult New(string name, params string[] options) =>
        feed.Run(_folder.Path, ["new", "finetune", "-o", name, "--debug:custom-hive", feed.Hive, .. options]);

    private string Read(string project, string file) => File.ReadAllText(Path.Combine(_folder.File(project), file));
}
