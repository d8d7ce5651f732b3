using FineTuneTool.Engine.Tokenizers.Decoders;
using FineTuneTool.Engine.Tokenizers.Models;
using FineTuneTool.Engine.Tokenizers.Normalizers;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>
/// Reads tokenizer.json, the format of the Hugging Face tokenizers library: added tokens, normalizer, pre-tokenizer, model,
/// post-processor, decoder. Malformed content is FT0201, a part that is not supported is FT0202.
/// </summary>
internal static class TokenizerJson
{
    /// <summary>Builds a tokenizer. <paramref name="file"/> is the name that diagnostics give.</summary>
    public static Tokenizer Read(ReadOnlyMemory<byte> utf8, string file, TokenizerDeclarations declarations)
    {
        using var document = JsonPart.Parse(utf8, file);
        var root = new JsonPart(document.RootElement, "", file);
        if (!root.IsObject)
        {
            throw root.Malformed("should be an object");
        }

        Normalizer? normalizer = NormalizerJson.Read(root["normalizer"]);
        PreTokenizerReading preTokenizer = PreTokenizerJson.Read(root["pre_tokenizer"]);
        TokenModel model = BpeModelJson.Read(root["model"], preTokenizer.EndsInBytes);
        var added = new AddedVocabulary(ReadAddedTokens(root["added_tokens"], model), normalizer);
        var pipeline = new TokenizerPipeline(
            added,
            preTokenizer.PreTokenizer,
            model,
            PostProcessorJson.Read(root["post_processor"], token => added.Find(token)?.Id ?? model.TokenToId(token)),
            root["decoder"].IsNull ? new SpacesDecoder() : DecoderJson.Read(root["decoder"]));
        return new Tokenizer(pipeline, declarations, utf8);
    }

    private static List<AddedToken> ReadAddedTokens(JsonPart part, TokenModel model)
    {
        var tokens = new List<AddedToken>();
        if (part.IsNull)
        {
            return tokens;
        }

        foreach (JsonPart item in part.Items())
        {
            string content = item["content"].Text();
            int id = model.TokenToId(content) ?? item["id"].Integer();
            if (id < 0 || id >= model.Tokens.Count + (1 << 20))
            {
                throw item["id"].Malformed($"is {id}, which no vocabulary of this size has");
            }

            bool special = item["special"].FlagOr(false);
            tokens.Add(new AddedToken(
                id,
                content,
                special,
                item["normalized"].FlagOr(!special),
                item["single_word"].FlagOr(false),
                item["lstrip"].FlagOr(false),
                item["rstrip"].FlagOr(false)));
        }

        return tokens;
    }
}
