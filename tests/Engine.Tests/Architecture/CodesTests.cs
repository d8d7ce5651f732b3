using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Architecture;

public class CodesTests
{
    [Fact]
    public void Codes_are_unique() => Assert.Equal(Codes.All.Count, Codes.All.Select(code => code.Id).Distinct().Count());

    public static TheoryData<string> Ids => [.. Codes.All.Select(code => code.Id)];

    [Theory]
    [MemberData(nameof(Ids))]
    public void A_code_has_a_page_under_its_title(string id)
    {
        string path = Path.Combine(Paths.Repository, "docs", "errors", id + ".md");
        Assert.True(File.Exists(path), $"docs/errors/{id}.md is missing");
        Assert.Equal($"# {id}: {Codes.Find(id).Title}", File.ReadLines(path).First());
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void A_code_is_raised_somewhere_and_provoked_by_a_test(string id)
    {
        string name = typeof(Codes).GetFields().Single(field => ((DiagnosticCode)field.GetValue(null)!).Id == id).Name;
        Assert.True(Mentions("src", $"Codes.{name}", "Codes."), $"nothing raises {id}");
        Assert.True(Mentions("tests", $"\"{id}", "CodesTests") || Mentions("tests", $"Codes.{name}", "CodesTests") || Mentions("tests", $"error {id}", "CodesTests")
            || Mentions("tests", $"warning {id}", "CodesTests"), $"no test provokes {id}");
    }

    private static bool Mentions(string folder, string text, string exceptIn) =>
        Directory.EnumerateFiles(Path.Combine(Paths.Repository, folder), "*.cs", SearchOption.AllDirectories)
            .Where(path => !Path.GetFileName(path).StartsWith(exceptIn, StringComparison.Ordinal))
            .Any(path => File.ReadAllText(path).Contains(text, StringComparison.Ordinal));
}
