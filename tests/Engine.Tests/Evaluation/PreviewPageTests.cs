using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Evaluation;
using FineTuneTool.Engine.Tests.Tokenizers;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Evaluation;

public class PreviewPageTests
{
    private const string Hostile = "</bdi></span></style><script>alert('x')</script><img src=\"http://evil.example/a.png\" onerror=alert(1)> \" ' & &lt; <!-- ]]> \u202E\u2067\u200b\0\u001b[2J\u2028 계약";

    private static readonly Tokenizer SmolLm2 = TokenizerGoldens.Tokenizer(TokenizerGoldens.Local, "smollm2");

    [Fact]
    public void Hostile_text_stays_text_everywhere()
    {
        string page = Page(Hostile, Hostile, new SourcePosition(Hostile, 3), _ => Hostile);
        string[] elements = [.. Regex.Matches(page, "<([a-zA-Z0-9]+)").Select(match => match.Groups[1].Value).Distinct()];
        Assert.Empty(elements.Intersect(["script", "img", "iframe", "a", "form", "base", "object"]));
        Assert.Equal(1, Regex.Count(page, "</style>"));
        Assert.All(Body(page).DescendantsAndSelf().Attributes(), attribute =>
            Assert.Contains(attribute.Name.LocalName, new[] { "class", "title", "dir", "type", "id", "checked", "role", "aria-label", "viewBox", "preserveAspectRatio", "x", "y", "width", "height" }));
    }

    [Fact]
    public void No_character_of_the_page_is_invisible()
    {
        string page = Page(Hostile, Hostile, new SourcePosition(Hostile, 3), _ => Hostile);
        Assert.DoesNotContain(page, unit => unit != '\n' && char.GetUnicodeCategory(unit) is
            UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.PrivateUse);
        Assert.Contains("<kbd>U+202E</kbd>", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_text_can_be_read_off_the_page()
    {
        const string text = "The old man's <b> said:\n\t\"안녕 😀\"";
        string shown = string.Concat(Body(Page("p", text)).Descendants("p").Single(element => Class(element) == "tokens").Descendants("bdi").Select(token => token.Value));
        Assert.Equal(text.Replace("\n", "↵", StringComparison.Ordinal).Replace("\t", "⇥", StringComparison.Ordinal), shown);
    }

    [Fact]
    public void Each_token_has_its_id_and_says_whether_it_is_learnt()
    {
        int[] ids = SmolLm2.EncodeIds("<|im_start|>The old");
        XElement[] tokens = [.. Tokens(Page("p", new TokenizedExample(ids, [-100, -100, ids[2]])))];
        Assert.Equal(ids.Select(id => id.ToString(CultureInfo.InvariantCulture)), tokens.Select(token => token.Element("small")!.Value));
        Assert.Equal(["t s", "t", "t l"], tokens.Select(Class));
        Assert.Equal(SmolLm2.IdToToken(ids[2]), (string?)tokens[2].Attribute("title"));
    }

    [Fact]
    public void A_broken_character_shows_its_bytes()
    {
        int[] ids = SmolLm2.EncodeIds("새");
        XElement[] tokens = [.. Tokens(Page("p", new TokenizedExample(ids, [-100, -100, ids[2]])))];
        Assert.Equal(["EC 83", "88"], tokens.Select(token => token.Element("bdi")!.Element("kbd")!.Value));
    }

    [Fact]
    public void Nothing_is_fetched_from_elsewhere()
    {
        string page = Page("p", "text");
        Assert.DoesNotMatch(@"(?i)\b(src|href)\s*=|url\(|@import|http://|https://", page);
        Assert.Contains("default-src 'none'", page, StringComparison.Ordinal);
        Assert.Contains("prefers-color-scheme: dark", page, StringComparison.Ordinal);
        Assert.Contains("width=device-width", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_bar_of_a_row_shows_what_is_learnt_of_each_document_and_what_is_left()
    {
        var example = new TokenizedExample([500, 501, 502, 503], [-100, -100, 502, 503]);
        XElement strip = Body(Page("p", example, example)).Descendants("svg").Single();
        string[] bars = [.. strip.Elements("rect").Select(bar => $"{Class(bar)} {(string?)bar.Attribute("x")}+{(string?)bar.Attribute("width")}")];
        Assert.Equal(["free 0+1000", "room 0+250", "read 0+248", "learnt 125+123", "room 250+250", "read 250+248", "learnt 375+123"], bars);
    }

    [Fact]
    public void Documents_are_headed_by_their_place_or_their_number()
    {
        Assert.Contains("<b>data/train.jsonl</b>, line 1,234 ", Page("p", "a b", new SourcePosition("data/train.jsonl", 1234)), StringComparison.Ordinal);
        Assert.Contains("<b>Document 1</b> ", Page("p", "a b"), StringComparison.Ordinal);
    }

    private static string Class(XElement element) => (string?)element.Attribute("class") ?? "";

    private static IEnumerable<XElement> Tokens(string page) => Body(page).Descendants("p").Where(element => Class(element) == "tokens").Elements("span");

    /// <summary>The body is well-formed XML, so what a browser makes of it is beyond doubt.</summary>
    private static XElement Body(string page) => XElement.Parse(
        page[page.IndexOf("<main>", StringComparison.Ordinal)..(page.IndexOf("</main>", StringComparison.Ordinal) + 7)], LoadOptions.PreserveWhitespace);

    private static string Page(string project, string text, SourcePosition? source = null, Func<int, string?>? tokenOf = null)
    {
        int[] ids = SmolLm2.EncodeIds(text, addSpecialTokens: false, specialTokensAsText: true);
        return Page(project, [new TokenizedExample(ids, ids)], source, tokenOf, maxSeqLength: 512);
    }

    private static string Page(string project, params TokenizedExample[] examples) => Page(project, examples, null, null, maxSeqLength: 16);

    private static string Page(string project, TokenizedExample[] examples, SourcePosition? source, Func<int, string?>? tokenOf, int maxSeqLength)
    {
        using var folder = new TemporaryFolder();
        using (var writer = new TokenizedDatasetWriter(folder.File("a.tokens")))
        {
            Array.ForEach(examples, example => writer.Add(example, source ?? default));
            writer.Complete();
        }

        using TokenizedDataset data = TokenizedDataset.Open(folder.File("a.tokens"));
        return PreviewPage.Render(project, "train", DatasetPreview.Of(data, SmolLm2, maxSeqLength, packs: true, count: 3), tokenOf ?? SmolLm2.IdToToken);
    }
}
