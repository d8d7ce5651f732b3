using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Prompts;

public class ChatTemplateTests
{
    private static readonly string Copied = Path.Combine(Paths.Goldens, "text");
    private static readonly string Shared = Path.Combine(Paths.Shared, "goldens", "text");

    public static TheoryData<string> CopiedTemplates => Names(Copied);

    public static TheoryData<string> SharedTemplates => Names(Shared);

    [Theory]
    [MemberData(nameof(CopiedTemplates))]
    public void Published_prompt_formats_render_as_the_reference_does(string name) => Assert.Empty(ChatGoldens.Differences(Copied, name));

    [SharedTheory("goldens/text/rendered")]
    [MemberData(nameof(SharedTemplates))]
    public void Vendors_templates_render_as_the_reference_does(string name) => Assert.Empty(ChatGoldens.Differences(Shared, name));

    private static TheoryData<string> Names(string folder) =>
        Directory.Exists(folder) ? [.. Directory.GetFiles(Path.Combine(folder, "templates"), "*.jinja").Select(file => Path.GetFileNameWithoutExtension(file)!).Order()] : ["none"];
}
