using FineTuneTool.Engine.Tokenizers.Models;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>The "model" of tokenizer.json, of type WordPiece.</summary>
internal static class WordPieceModelJson
{
    private const int LongestWord = 100;

    public static WordPieceModel Read(JsonPart part)
    {
        var vocabulary = Vocabulary.Read(part["vocab"]);
        string unknown = part["unk_token"].TextOrNull() ?? "[UNK]";
        int id = vocabulary.Find(unknown) ?? throw part["unk_token"].Malformed($"names '{unknown}', which is not in the vocabulary");
        return new WordPieceModel(vocabulary, id, part["continuing_subword_prefix"].TextOrNull() ?? "##", part["max_input_chars_per_word"].IntegerOr(LongestWord));
    }
}
