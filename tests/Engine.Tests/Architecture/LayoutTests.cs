using System.Text.RegularExpressions;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Architecture;

/// <summary>The rules of docs/architecture.md that a reader relies on, held by reading the sources.</summary>
public partial class LayoutTests
{
    private static readonly string Engine = Path.Combine(Paths.Repository, "src", "Engine");

    /// <summary>The list of folders in docs/architecture.md, in its order.</summary>
    private static List<string> FolderOrder()
    {
        string page = File.ReadAllText(Path.Combine(Paths.Repository, "docs", "architecture.md"));
        string block = page[page.IndexOf("```\nDiagnostics ", StringComparison.Ordinal)..];
        block = block[4..block.IndexOf("\n```", 4, StringComparison.Ordinal)];
        return [.. block.Split('\n').Select(line => line.Split(' ')[0])];
    }

    private static IEnumerable<string> Sources(string folder) => Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
        .Where(path => !path.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}")
            && !path.Contains($"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}"));

    [Fact]
    public void A_folder_of_the_engine_uses_only_folders_above_it()
    {
        List<string> order = FolderOrder();
        List<string> offences = [];
        foreach (string folder in Directory.GetDirectories(Engine).Select(path => Path.GetFileName(path)!).Where(name => name is not ("bin" or "obj")))
        {
            int own = order.IndexOf(folder);
            Assert.True(own >= 0, $"docs/architecture.md does not list the folder {folder}");
            foreach (string path in Sources(Path.Combine(Engine, folder)))
            {
                offences.AddRange(UsedFolder().Matches(File.ReadAllText(path)).Select(match => match.Groups[1].Value)
                    .Where(used => order.IndexOf(used) > own).Select(used => $"{folder} uses {used}: {Path.GetFileName(path)}"));
            }
        }

        Assert.Empty(offences);
    }

    [Fact]
    public void A_namespace_is_the_folder()
    {
        foreach (string path in Sources(Engine))
        {
            string folder = Path.GetRelativePath(Engine, Path.GetDirectoryName(path)!).Replace(Path.DirectorySeparatorChar, '.');
            Assert.Contains($"namespace FineTuneTool.Engine.{folder};", File.ReadAllText(path));
        }
    }

    [Fact]
    public void The_engine_speaks_to_nobody()
    {
        foreach (string path in Sources(Engine))
        {
            string text = File.ReadAllText(path);
            Assert.False(text.Contains("Console.", StringComparison.Ordinal) || text.Contains("Microsoft.Build", StringComparison.Ordinal), path);
        }
    }

    [Fact]
    public void A_source_file_reads_in_one_sitting()
    {
        IEnumerable<string> tooLong = Sources(Path.Combine(Paths.Repository, "src"))
            .Where(path => File.ReadLines(path).Count() > 300).Select(path => Path.GetRelativePath(Paths.Repository, path));
        Assert.Empty(tooLong);
    }

    [GeneratedRegex(@"\bFineTuneTool\.Engine\.(\w+)")]
    private static partial Regex UsedFolder();
}
