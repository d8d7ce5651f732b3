using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts.Jinja;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Prompts.Jinja;

/// <summary>Small templates with what the reference (jinja2 3.1.6 with transformers' environment) makes of them.</summary>
public class JinjaMicroTests
{
    private static readonly JsonArray Cases = JsonNode.Parse(File.ReadAllText(Path.Combine(Paths.Goldens, "text", "jinja_micro.json")))!["cases"]!.AsArray();

    public static TheoryData<int> Numbers => [.. Enumerable.Range(0, Cases.Count)];

    [Theory]
    [MemberData(nameof(Numbers))]
    public void A_template_gives_what_the_reference_gives(int number)
    {
        JsonObject item = Cases[number]!.AsObject();
        string template = (string)item["template"]!;
        var variables = item["context"]!.AsObject().Select(pair => KeyValuePair.Create(pair.Key, (object?)pair.Value));
        if (item["output"] is { } output)
        {
            string expected = (string)output!;
            string actual = JinjaTemplate.Parse(template, "case").Render(variables).Text;
            if (item.ContainsKey("note"))
            {
                // The reference prints a memory address here; all before it has to be the same.
                int address = expected.IndexOf(" at 0x", StringComparison.Ordinal);
                Assert.StartsWith(expected[..address], actual);
            }
            else
            {
                Assert.Equal(expected, actual);
            }
        }
        else
        {
            var exception = Assert.Throws<FineTuneException>(() => JinjaTemplate.Parse(template, "case").Render(variables));
            Assert.Contains(exception.Diagnostic.Code, new[] { Codes.TemplateSyntax, Codes.TemplateFailed });
            if ((string)item["error"]! == "TemplateError")
            {
                Assert.Contains((string)item["message"]!, exception.Diagnostic.Message);
            }
        }
    }
}
