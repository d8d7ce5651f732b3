using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Stages;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Stages;

public class ModelLocatorTests
{
    [Fact]
    public void A_missing_model_names_the_three_ways_to_supply_it()
    {
        Diagnostic missing = Assert.Throws<FineTuneException>(
            () => ModelLocator.Find("owner/none-such", "/", new SourcePosition("p.finetune", 3, 5))).Diagnostic;
        Assert.Equal("FT0004", missing.Code.Id);
        Assert.Equal(3, missing.Position.Line);
        Assert.Contains(".gguf", missing.Remedy);
        Assert.Contains("Hugging Face folder", missing.Remedy);
        Assert.Contains("Hub cache", missing.Remedy);
    }

    [Fact]
    public void A_file_and_a_folder_are_found_from_the_project()
    {
        using var folder = new TemporaryFolder();
        string gguf = folder.Write("models/a.gguf", "GGUF");
        string config = folder.Write("models/b/config.json", "{}");
        Assert.Equal(gguf, ModelLocator.Find("models/a.gguf", folder.Path, default));
        Assert.Equal(Path.GetDirectoryName(config), ModelLocator.Find("models/b", folder.Path, default));
    }

    [Fact]
    public void A_path_that_climbs_out_of_the_cache_is_not_followed() =>
        Assert.Throws<FineTuneException>(() => ModelLocator.Find("owner/name@../../../etc", "/nowhere", default));
}
