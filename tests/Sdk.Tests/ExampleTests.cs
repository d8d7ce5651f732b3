using System.Text.RegularExpressions;
using FineTuneTool.TestKit;

namespace FineTuneTool.Sdk.Tests;

/// <summary>The examples are what a user's folder would be.</summary>
[Collection(nameof(SdkFeed))]
public class ExampleTests(SdkFeed feed)
{
    public static TheoryData<string> Examples => [.. Directory.GetDirectories(Path.Combine(Paths.Repository, "examples")).Select(folder => Path.GetFileName(folder))];

    [Theory]
    [MemberData(nameof(Examples))]
    public void An_example_names_the_version_of_this_SDK_and_has_its_readme(string example)
    {
        string folder = Path.Combine(Paths.Repository, "examples", example);

        Assert.StartsWith($"<Project Sdk=\"FineTuneTool.Sdk/{feed.Version}\">", File.ReadAllText(Path.Combine(folder, example + ".finetune")));
        Assert.True(File.Exists(Path.Combine(folder, "README.md")));
    }

    [Fact]
    public void An_example_can_be_asked_for_every_public_target()
    {
        string sdk = Path.Combine(Paths.Repository, "src", "Tasks", "Sdk");
        string examples = File.ReadAllText(Path.Combine(Paths.Repository, "examples", "Example.targets"));
        IEnumerable<string> targets = Directory.GetFiles(sdk, "*.targets")
            .SelectMany(file => Regex.Matches(File.ReadAllText(file), @"<Target Name=""(\w+)"" DependsOnTargets=""\$\(\1DependsOn\)""").Select(match => match.Groups[1].Value));

        Assert.All(targets, target => Assert.Contains($"<Target Name=\"{target}\"", examples));
        Assert.True(targets.Count() >= 8);
    }
}
