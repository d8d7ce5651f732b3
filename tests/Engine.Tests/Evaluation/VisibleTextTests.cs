using FineTuneTool.Engine.Evaluation;

namespace FineTuneTool.Engine.Tests.Evaluation;

public class VisibleTextTests
{
    [Theory]
    [InlineData("a b", "Text a|Space ␣|Text b")]
    [InlineData("\t\r\n", "Space ⇥|Space ␍|LineEnd ↵")]
    [InlineData("계약 😀 é e\u0301", "Text 계약|Space ␣|Text 😀|Space ␣|Text é|Space ␣|Text e\u0301")]
    [InlineData("\u202Eabc\u2066", "Hidden U+202E|Text abc|Hidden U+2066")]
    [InlineData("\u001b[31m\0", "Hidden U+001B|Text [31m|Hidden U+0000")]
    [InlineData("\u200b\ufeff\u00a0\u3000", "Hidden U+200B|Hidden U+FEFF|Hidden U+00A0|Hidden U+3000")]
    [InlineData("\U000E0041\U000E0100\ufe0f\u3164", "Hidden U+E0041|Hidden U+E0100|Hidden U+FE0F|Hidden U+3164")]
    [InlineData("\ue000\u2028\uffff", "Hidden U+E000|Hidden U+2028|Hidden U+FFFF")]
    public void Everything_has_something_to_see(string text, string expected) =>
        Assert.Equal(expected, string.Join('|', VisibleText.Of(text).Select(run => $"{run.Kind} {run.Mark}")));

    [Fact]
    public void Bytes_that_are_no_character_are_named_by_their_values()
    {
        IReadOnlyList<VisibleRun> runs = VisibleText.Of([0xEC, 0x83, (byte)'a', 0xFF, 0xFE]);
        Assert.Equal([(VisibleKind.Bytes, "EC 83"), (VisibleKind.Text, "a"), (VisibleKind.Bytes, "FF FE")], runs.Select(run => (run.Kind, run.Mark)));
    }

    [Fact]
    public void What_does_not_show_has_no_text_of_its_own() =>
        Assert.All(VisibleText.Of("\u202E\u0007\u200b"), run => Assert.Empty(run.Text));

    [Fact]
    public void A_name_is_one_line_with_its_spaces() =>
        Assert.Equal("my file↵‹U+202E›lnosj", VisibleText.Name("my file\n\u202Elnosj"));
}
