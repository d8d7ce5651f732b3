using System.Text;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Tokenizers;

public class TokenSpellingTests
{
    private static readonly Tokenizer SmolLm2 = TokenizerGoldens.Tokenizer(TokenizerGoldens.Local, "smollm2");

    [Fact]
    public void Pieces_hold_every_token_once_and_spell_the_text()
    {
        var spelling = new TokenSpelling(SmolLm2);
        foreach ((string name, string text) in TokenizerGoldens.Texts)
        {
            int[] ids = SmolLm2.EncodeIds(text);
            IReadOnlyList<TokenPiece> pieces = spelling.Pieces(ids);
            string decoded = SmolLm2.Decode(ids, skipSpecialTokens: false);
            Assert.Equal(decoded, Text(pieces));
            Assert.Equal(Enumerable.Range(0, ids.Length), pieces.SelectMany(piece => Enumerable.Range(piece.Start, piece.Count)));

            // The vocabulary lacks some bytes, so that not every text has whole characters.
            Assert.True(decoded.Contains('\uFFFD') || pieces.All(piece => !Encoding.UTF8.GetString(piece.Bytes).Contains('\uFFFD')), name);
        }
    }

    [Fact]
    public void The_tokens_of_one_character_are_one_piece()
    {
        int[] ids = SmolLm2.EncodeIds(" 새 a");
        IReadOnlyList<TokenPiece> pieces = new TokenSpelling(SmolLm2).Pieces(ids);
        Assert.True(ids.Length > pieces.Count);
        Assert.Equal([" 새", " a"], pieces.Select(piece => Encoding.UTF8.GetString(piece.Bytes)));
    }

    [Fact]
    public void A_character_that_is_not_ended_keeps_to_itself()
    {
        int[] syllable = SmolLm2.EncodeIds("새");
        Assert.Equal(3, syllable.Length);
        TokenPiece[] pieces = [.. new TokenSpelling(SmolLm2).Pieces([.. syllable[..2], .. SmolLm2.EncodeIds(" a"), syllable[0], 2, syllable[0]])];
        Assert.Equal([2, 1, 1, 1, 1], pieces.Select(piece => piece.Count));
        Assert.Equal(["EC83", "2061", "EC", "3C7C696D5F656E647C3E", "EC"], pieces.Select(piece => Convert.ToHexString(piece.Bytes)));
    }

    [Fact]
    public void Special_tokens_are_told_from_text()
    {
        TokenPiece[] pieces = [.. new TokenSpelling(SmolLm2).Pieces(SmolLm2.EncodeIds("<|im_start|>user"))];
        Assert.Equal([("<|im_start|>", true), ("user", false)], pieces.Select(piece => (Encoding.UTF8.GetString(piece.Bytes), piece.IsSpecial)));
    }

    [Fact]
    public void An_id_without_a_token_spells_nothing()
    {
        TokenPiece piece = Assert.Single(new TokenSpelling(SmolLm2).Pieces([70000]));
        Assert.Empty(piece.Bytes);
    }

    [Fact]
    public void Tokens_that_each_end_inside_a_character_do_not_run_on_without_end()
    {
        // In byte letters ½ is 0xBD, which ends a character, and Ã is 0xC3, which begins one.
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.json", """
            {"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
             "post_processor": null, "decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {"½": 0, "Ã": 1, "½Ã": 2}, "merges": [["½", "Ã"]]}}
            """);
        IReadOnlyList<TokenPiece> pieces = new TokenSpelling(TokenizerFiles.FromFolder(folder.Path)).Pieces([.. Enumerable.Repeat(2, 40)]);
        Assert.Equal([16, 16, 8], pieces.Select(piece => piece.Count));
    }

    [SharedTheory("goldens/text")]
    [InlineData("spm_bpe", " the 😀 the")]
    [InlineData("spm_unigram_bytes", "the 😀 the")]
    public void Byte_tokens_of_one_character_are_one_piece_and_the_space_in_front_stays(string name, string spelt)
    {
        Tokenizer tokenizer = TokenizerGoldens.Tokenizer(TokenizerGoldens.Shared, name);
        IReadOnlyList<TokenPiece> pieces = new TokenSpelling(tokenizer).Pieces(tokenizer.EncodeIds("the 😀 the", addSpecialTokens: false));
        Assert.Equal(spelt, Text(pieces));
        Assert.Contains(pieces, piece => piece.Count == 4 && Encoding.UTF8.GetString(piece.Bytes) == "😀");
    }

    private static string Text(IReadOnlyList<TokenPiece> pieces) => Encoding.UTF8.GetString([.. pieces.SelectMany(piece => piece.Bytes)]);
}
