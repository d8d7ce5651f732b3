using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.Tool.Terminal;
using Spectre.Console;

namespace FineTuneTool.Tool.Tests;

public sealed class PreviewTextTests
{
    [Fact]
    public void Where_there_are_colours_they_stand_for_the_marks()
    {
        using var output = new StringWriter();
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            ColorSystem = ColorSystemSupport.Standard,
            Out = new AnsiConsoleOutput(output),
        });
        new PreviewText(TextWriter.Null, console).Write("p", "train", Rows(null, ("a", false), ("b", true)));
        Assert.DoesNotContain('⟦', output.ToString());
        Assert.Contains("a  \u001b[32mb  \u001b[0m", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Wide_characters_keep_ids_beneath_their_tokens()
    {
        string[] lines = Text(Rows(null, ("계약서", false), ("a", false)));
        Assert.Equal(("계약서 a", "10     11"), (lines[^2], lines[^1]));
    }

    [Theory]
    [InlineData(null, 120)]
    [InlineData(40, 39)]
    public void Long_lines_are_broken_between_tokens(int? terminalWidth, int widest)
    {
        string[] lines = Text(Rows(null, [.. Enumerable.Repeat(("word", false), 60)]), terminalWidth)[4..];
        Assert.InRange(lines.Max(line => line.Length), widest - 4, widest);
        Assert.Equal(60, lines.Sum(line => line.Split(' ').Count(word => word == "word")));
    }

    [Fact]
    public void A_document_says_its_file_and_line()
    {
        Assert.Contains("── data/a‹U+202E›.jsonl(7): 1 token, 0 learnt", Text(Rows(new SourcePosition("data/a\u202E.jsonl", 7), ("a", false))));
    }

    private static string[] Text(DatasetPreview preview, int? terminalWidth = null)
    {
        using var output = new StringWriter();
        new PreviewText(output, null, terminalWidth).Write("p", "train", preview);
        return output.ToString().ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
    }

    /// <summary>One document of tokens with the ids 10, 11, …</summary>
    private static DatasetPreview Rows(SourcePosition? source, params (string Text, bool Learnt)[] tokens)
    {
        int[] ids = [.. Enumerable.Range(10, tokens.Length)];
        PreviewPiece[] pieces = [.. tokens.Select((token, i) => new PreviewPiece(new TokenPiece(i, 1, System.Text.Encoding.UTF8.GetBytes(token.Text), false), token.Learnt))];
        var document = new PreviewDocument(source, ids, [.. ids.Select((id, i) => tokens[i].Learnt ? id : TokenizedExample.Ignored)], pieces);
        return new DatasetPreview(64, [new PreviewRow(1, [document])], 1, 1, ids.Length, document.SupervisedTokens);
    }
}
