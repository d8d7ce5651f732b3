using FineTuneTool.Engine.Tokenizers.Models;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>The "model" of tokenizer.json. Old files leave its type out.</summary>
internal static class ModelJson
{
    /// <param name="part">The part of the file.</param>
    /// <param name="byteLevel">The model gets its pieces as bytes.</param>
    public static TokenModel Read(JsonPart part, bool byteLevel)
    {
        if (!part.IsObject)
        {
            throw part.Malformed("should be an object");
        }

        string type = part["type"].TextOrNull()
            ?? (!part["merges"].IsNull ? "BPE" : part["vocab"].IsArray ? "Unigram" : !part["max_input_chars_per_word"].IsNull ? "WordPiece" : "?");
        return type switch
        {
            "BPE" => BpeModelJson.Read(part, byteLevel),
            "Unigram" => UnigramModelJson.Read(part),
            "WordPiece" => WordPieceModelJson.Read(part),
            _ => throw part.Unsupported($"a model of type '{type}'"),
        };
    }
}
