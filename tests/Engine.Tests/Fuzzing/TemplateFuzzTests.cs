using System.Text;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Prompts.Jinja;
using FineTuneTool.Engine.Tests.Prompts;
using FineTuneTool.Engine.Tests.Tokenizers;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Fuzzing;

/// <summary>Damaged templates end in a text or in a diagnostic, whatever they try.</summary>
public class TemplateFuzzTests
{
    private static readonly (string, string)[] JinjaPairs =
        [("{% if x %}", "{% endif %}"), ("{% for a in messages %}", "{% endfor %}"), ("{{ (", ") }}"), ("(", ")"), ("[", "]"), ("{'a': ", "}"), ("not ", ""), ("-", ""), ("{{", "}}"), ("{#", "#}"), ("x if ", " else y")];

    private static readonly JsonArray Micro = JsonNode.Parse(File.ReadAllText(Path.Combine(Paths.Goldens, "text", "jinja_micro.json")))!["cases"]!.AsArray();

    private static readonly JsonArray Messages = PromptTemplateTests.Chat("system:S", "user:Q", "assistant:A").Messages;

    /// <summary>The reference's small templates, which use everything there is, and the built-in ones.</summary>
    private static byte[][] Jinja { get; } =
        [.. Micro.Select(item => (string)item!["template"]!).Concat(BuiltInTemplate.All.Select(template => template.Chat)).Select(Encoding.UTF8.GetBytes)];

    /// <summary>A syntax tree takes more than its text: some eighty bytes for a sign.</summary>
    [Fact]
    public void Damaged_jinja_templates_are_parsed_or_refused() =>
        new FuzzRun(Jinja) { IsText = true, Openings = JinjaPairs, Times = 100 }.Bytes(bytes => JinjaTemplate.Parse(Encoding.UTF8.GetString(bytes), "fuzz"));

    /// <summary>Rendering is bounded by its own budget of steps, not by the length of the template.</summary>
    [Fact]
    public void Damaged_jinja_templates_are_rendered_or_refused() =>
        new FuzzRun(Jinja) { IsText = true, Openings = JinjaPairs, AllowanceBytes = 64 << 20 }.Bytes(bytes =>
            new ChatTemplate(JinjaTemplate.Parse(Encoding.UTF8.GetString(bytes), "fuzz"), new Dictionary<string, string> { ["bos_token"] = "<s>" })
                .Render(Messages, new ChatTemplateOptions { AddGenerationPrompt = true }));

    [Fact]
    public void Damaged_yaml_templates_are_read_or_refused()
    {
        Tokenizer tokenizer = SmallTokenizers.Read(SmallTokenizers.ByteLevel());
        byte[][] seeds =
        [
            "name: legal\nsystem: null\nprompt: |\n  ### Q:\n  {{ instruction }}{% if input %} {{ input }}{% endif %}\n\n  ### A:\ncompletion: \"{{ output }}\"\nstop: [\"### Q:\", 'x']\n"u8.ToArray(),
            "system: Be brief.\nchat: >\n  {%- for m in messages %}{{ m.role }}: {% generation %}{{ m.content }}{% endgeneration %}\n  {% endfor %}\n"u8.ToArray(),
            "---\n? prompt\n: &a \"{{ instruction }}\"\ncompletion: *a\nstop:\n  - !!str a\n  - \"\\u0041\\x42\"\n# note\n..."u8.ToArray(),
        ];
        new FuzzRun(seeds) { IsText = true, Openings = [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("&a ", ""), ("\n ", "")], Times = 100 }.Files("template.yaml", path =>
            PromptTemplates.Find(Path.GetFileName(path), Path.GetDirectoryName(path)!, tokenizer));
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    [InlineData("? ")]
    [InlineData("&a ")]
    [InlineData("!!a ")]
    [InlineData("'")]
    [InlineData("a: b\n")]
    public void A_yaml_file_of_one_sign_without_end_is_FT0251(string sign)
    {
        using var folder = new TemporaryFolder();
        folder.Write("deep.yaml", string.Concat(Enumerable.Repeat(sign, 200_000 / sign.Length)));
        var refused = Assert.Throws<FineTuneException>(() => PromptTemplates.Find("deep.yaml", folder.Path, SmallTokenizers.Read(SmallTokenizers.ByteLevel())));
        Assert.Equal("FT0251", refused.Diagnostic.Code.Id);
    }

    [Fact]
    public void A_template_of_more_than_a_megabyte_is_FT0251() =>
        Assert.Equal("FT0251", Assert.Throws<FineTuneException>(() => JinjaTemplate.Parse(new string('x', (1 << 20) + 1), "large.jinja")).Diagnostic.Code.Id);
}
