using System.Text.Json;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.Engine.Tokenizers.PreTokenizers;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tests.Tokenizers;

public class SplitPatternTests
{
    private static readonly int[] Alphabet = [.. CodePoints.FromString("aZſ'srev \t\r\n\u00A0\u30001Ⅷ²ǅʰ中\u0301\u0903.,/<_-한😀𝕏\u200D\0")];

    public static TheoryData<string> Published => [Gpt2Pattern.Regex, Llama3Pattern.Llama3Regex, Llama3Pattern.Qwen2Regex, CaseAwarePattern.TekkenRegex, CaseAwarePattern.O200kRegex];

    [Theory]
    [MemberData(nameof(Published))]
    public void A_scanner_finds_what_its_expression_finds(string expression)
    {
        SplitPattern scanner = Scanner(expression);
        var matcher = new RegexPattern(expression);
        foreach (string text in TokenizerGoldens.Texts.Values)
        {
            AssertSame(scanner, matcher, CodePoints.FromString(text));
        }

        var random = new Random(7);
        for (int i = 0; i < 3000; i++)
        {
            AssertSame(scanner, matcher, [.. Enumerable.Range(0, random.Next(1, 24)).Select(_ => Alphabet[random.Next(Alphabet.Length)])]);
        }
    }

    [Theory]
    [InlineData("a++b", "aaab|aab", "0-4 5-8")]
    [InlineData("a++a", "aaaa", "")]
    [InlineData("(?>a|ab)c", "abc ac", "4-6")]
    [InlineData("a*?b", "aab", "0-3")]
    [InlineData("a{2,3}", "aaaaaaa", "0-3 3-6")]
    [InlineData("a{,2}b", "aaab", "1-4")]
    [InlineData("x{y", "x{y", "0-3")]
    [InlineData("(?<=a)b|(?<!a)c", "abacc", "1-2 4-5")]
    [InlineData("(?<=a|bb)c", "acbbcbc", "1-2 4-5")]
    [InlineData("(?i:kS)", "ks KS \u212A\u017F", "0-2 3-5 6-8")]
    [InlineData("a(?i)b|c", "aB C c ab", "0-2 7-9")]
    [InlineData("[a-c&&[^b]]", "abcd", "0-1 2-3")]
    [InlineData("[^\\P{Lu}A]+", "ABCd", "1-3")]
    [InlineData("\\p{^L}", "a1", "1-2")]
    [InlineData("\\bab\\b", "ab abc ab", "0-2 7-9")]
    [InlineData("^a|b$", "ab\nab", "0-1 1-2 3-4 4-5")]
    [InlineData("\\x{1F600}|\\u4e2d", "中😀", "0-1 1-2")]
    [InlineData("[]a]+", "a]b", "0-2")]
    [InlineData("[a\\-z]+", "az-b", "0-3")]
    [InlineData("\\p{Han}+", "ab漢字か", "2-4")]
    [InlineData(".", "a\n\r", "0-1 2-3")]
    public void An_expression_matches_as_in_the_reference_engine(string expression, string text, string expected)
    {
        List<TextSpan> matches = Matches(new RegexPattern(expression), CodePoints.FromString(text));
        Assert.Equal(expected, string.Join(' ', matches.Select(match => $"{match.Start}-{match.End}")));
    }

    [Theory]
    [InlineData("(")]
    [InlineData(")")]
    [InlineData("[a")]
    [InlineData("*a")]
    [InlineData("a{3,2}")]
    [InlineData("\\")]
    [InlineData("\\k")]
    [InlineData("(?P<n>a)")]
    [InlineData("[z-a]")]
    [InlineData("(?<=a+)b")]
    [InlineData("\\p{L")]
    public void An_expression_that_is_wrong_is_refused_with_a_reason(string expression) =>
        Assert.NotEmpty(Assert.Throws<FormatException>(() => new RegexPattern(expression)).Message);

    private static SplitPattern Scanner(string expression)
    {
        using var json = JsonDocument.Parse($$"""{ "Regex": {{JsonSerializer.Serialize(expression)}} }""");
        SplitPattern scanner = SplitPatternJson.Read(new JsonPart(json.RootElement, "pattern", "tokenizer.json"));
        Assert.IsNotType<RegexPattern>(scanner);
        return scanner;
    }

    private static void AssertSame(SplitPattern scanner, SplitPattern matcher, int[] text)
    {
        List<TextSpan> expected = Matches(matcher, text);
        List<TextSpan> actual = Matches(scanner, text);
        Assert.True(expected.SequenceEqual(actual), $"{JsonSerializer.Serialize(CodePoints.ToString(text))}: expected {string.Join(' ', expected)}, got {string.Join(' ', actual)}");
    }

    private static List<TextSpan> Matches(SplitPattern pattern, int[] text)
    {
        List<TextSpan> matches = [];
        for (bool found = pattern.Find(text, 0, out int start, out int end); found; found = pattern.FindAfter(text, start, end, out start, out end))
        {
            matches.Add(new TextSpan(start, end));
        }

        return matches;
    }
}
