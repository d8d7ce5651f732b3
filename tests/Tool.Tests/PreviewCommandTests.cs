using System.Text.Json;

namespace FineTuneTool.Tool.Tests;

public sealed class PreviewCommandTests(ModelFixture fixture) : IClassFixture<ModelFixture>
{
    private const string Hostile = "\u001b]0;title\u0007\u001b[2J\u202E<script>\u200b";

    [Fact]
    public void Marks_stand_around_what_is_learnt_and_ids_beneath()
    {
        using PreparedProject project = Project("MaxSeqLength=64");
        string[] lines = Lines(project.Preview("--rows", "1"));
        Assert.Equal("p, train: 1 row of up to 64 tokens with 3 documents, 39 tokens, 15% learnt; ⟦ and ⟧ stand around what is learnt", lines[0]);
        Assert.Equal("──── row 1: 39 tokens in 3 documents, 6 learnt", lines[2]);
        int answer = Array.FindIndex(lines, line => line.StartsWith('⟦'));
        Assert.Equal("⟦The <|im_end|>⟧ ↵", lines[answer]);
        Assert.Equal("504  2           198", lines[answer + 1]);
    }

    [Fact]
    public void White_space_is_visible_and_the_tokens_of_a_character_are_joined()
    {
        using var project = new PreparedProject(fixture.Model, [PreparedProject.Row("Say  새\n\nnow", "The")], "MaxSeqLength=64");
        string text = project.Preview().Out;
        Assert.Matches(@"Say +␣ +␣새 +↵\n", text.ReplaceLineEndings("\n"));
        Assert.Matches(@"\d+,\d+,\d+", text);
    }

    [Fact]
    public void Nothing_of_the_data_commands_the_terminal()
    {
        using var project = new PreparedProject(fixture.Model, [PreparedProject.Row(Hostile, "The" + Hostile)], "MaxSeqLength=256");
        ToolRun run = project.Preview();
        Assert.DoesNotContain(run.Out, unit => unit is '\u001b' or '\u0007' or '\u202E' or '\u200b');
        Assert.Contains("‹U+001B›", run.Out, StringComparison.Ordinal);
        Assert.Contains("‹U+202E›", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_holds_a_row_a_line_with_its_documents_ids_tokens_and_labels()
    {
        using PreparedProject project = Project("MaxSeqLength=64");
        JsonElement row = Json(project.Preview("--json")).Single();
        Assert.Equal(["split", "row", "documents", "ids", "tokens", "labels"], row.EnumerateObject().Select(property => property.Name));
        int[] ids = Numbers(row, "ids"), labels = Numbers(row, "labels");
        JsonElement[] documents = [.. row.GetProperty("documents").EnumerateArray()];
        Assert.Equal(["source", "line", "start", "tokens", "supervised"], documents[0].EnumerateObject().Select(property => property.Name));
        Assert.Equal(ids.Length, documents.Sum(document => document.GetProperty("tokens").GetInt32()));
        Assert.Equal(documents.Sum(document => document.GetProperty("supervised").GetInt32()), labels.Count(label => label != -100));
        Assert.All(ids.Zip(labels), pair => Assert.True(pair.Second == -100 || pair.Second == pair.First));
        Assert.All(documents, document => Assert.Equal("<|im_start|>", row.GetProperty("tokens")[document.GetProperty("start").GetInt32()].GetString()));
    }

    [Fact]
    public void Without_packing_every_example_is_a_row_and_as_many_as_asked_are_shown()
    {
        using PreparedProject project = Project("SamplePacking=false");
        Assert.Equal([1, 2], Json(project.Preview("--json", "--rows", "2")).Select(row => row.GetProperty("row").GetInt32()));
        Assert.Equal(3, Json(project.Preview("--json")).Length);
    }

    [Fact]
    public void A_setting_of_the_command_line_goes_into_the_build()
    {
        using PreparedProject project = Project();
        int Learnt(params string[] options) => Json(project.Preview((string[])["--json", .. options])).Sum(row => Numbers(row, "labels").Count(label => label != -100));
        Assert.True(Learnt("--set", "TrainOnInputs=true") > 3 * Learnt());
    }

    [Fact]
    public void A_page_is_written_where_it_is_wanted()
    {
        using PreparedProject project = Project();
        string page = project.PathOf("pages/rows.html");
        ToolRun run = project.Preview("--html", page);
        Assert.Equal((0, ""), (run.ExitCode, run.Out));
        Assert.Contains(page, run.Error, StringComparison.Ordinal);
        Assert.EndsWith("</html>\n", File.ReadAllText(page), StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_part_is_FT0106()
    {
        using PreparedProject project = Project();
        ToolRun run = project.Preview("--split", "test");
        Assert.Equal((1, ""), (run.ExitCode, run.Out));
        Assert.Contains("error FT0106", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_a_project_is_FT0008()
    {
        ToolRun run = ToolRun.InProcess("preview", fixture.Model);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("error FT0008", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--rows", "0")]
    [InlineData("--split", "dev")]
    [InlineData("--set", "TrainOnInputs")]
    [InlineData("--json", "--html=a.html")]
    public void Wrong_usage_is_told(params string[] options) => Assert.Equal(2, ToolRun.InProcess(["preview", "p.finetune", .. options]).ExitCode);

    private static string[] Lines(ToolRun run)
    {
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        return run.Out.ReplaceLineEndings("\n").Split('\n');
    }

    private static JsonElement[] Json(ToolRun run) =>
        [.. Lines(run).Where(line => line.Length > 0).Select(line => JsonDocument.Parse(line).RootElement)];

    private static int[] Numbers(JsonElement row, string name) => [.. row.GetProperty(name).EnumerateArray().Select(value => value.GetInt32())];

    private PreparedProject Project(params string[] settings) =>
        new(fixture.Model, ((string[])["Hi", "And", "Now"]).Select(question => PreparedProject.Row(question, "The")), settings);
}
