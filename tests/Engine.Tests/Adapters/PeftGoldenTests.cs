using System.Text.Json.Nodes;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tests.Models;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Adapters;

/// <summary>Adapters as PEFT writes them: what they compute, their gradients, what they merge to, and that they survive being written here.</summary>
public class PeftGoldenTests
{
    /// <summary>Recorded where they begin, with other measurements.</summary>
    private const string Beginnings = "-pissa";

    /// <summary>Every recorded adapter whose base is of a known family.</summary>
    public static TheoryData<string> All
    {
        get
        {
            string shared = Path.Combine(Paths.Shared, "goldens", "models", "peft");
            IEnumerable<string> folders = Directory.Exists(shared) ? Directory.GetDirectories(shared) : Directory.GetDirectories(Path.Combine(Paths.Goldens, "models", "peft"));
            return [.. folders.Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal).Where(HasKnownFamily).Where(name => !name.EndsWith(Beginnings))];
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void An_adapter_of_PEFT_equals_the_reference(string name)
    {
        using var golden = new PeftGolden(name);
        golden.CheckTrainable();
        golden.CheckLogits();
        golden.CheckLossAndGradients();
        golden.CheckGreedy();
    }

    [Theory]
    [MemberData(nameof(All))]
    public void An_adapter_of_PEFT_merges_to_the_model_that_it_makes(string name)
    {
        using var golden = new PeftGolden(name);
        if (golden.IsMergeable)
        {
            golden.CheckMerge();
        }
        else
        {
            golden.CheckRefusedMerge();
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void What_is_written_here_reads_like_what_PEFT_wrote(string name)
    {
        using var golden = new PeftGolden(name);
        golden.CheckRoundTrip();
    }

    private static bool HasKnownFamily(string name)
    {
        string folder = ModelGolden.FolderOf($"peft/{name}");
        string model = (string)JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "expected.json")))!["base"]!;
        string type = (string)JsonNode.Parse(File.ReadAllText(Path.Combine(ModelGolden.FolderOf(model), "config.json")))!["model_type"]!;
        return ModelFamilies.All.Any(family => family.ModelType == type);
    }
}
