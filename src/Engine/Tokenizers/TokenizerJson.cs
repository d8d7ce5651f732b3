using System.Text.Encodings.Web;
using System.Text.Json;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tokenizers.Decoders;
using FineTuneTool.Engine.Tokenizers.Models;
using FineTuneTool.Engine.Tokenizers.Normalizers;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>
/// Reads and writes tokenizer.json, the format of the Hugging Face tokenizers library: added tokens, normalizer, pre-tokenizer, model,
/// post-processor, decoder. Malformed content is FT0201, a part that is
/// not supported is FT0202.
/// </summary>
public static class TokenizerJson
{
    /// <summary>Builds a tokenizer. <paramref name="file"/> is the name that diagnostics give.</summary>
    internal static Tokenizer Read(ReadOnlyMemory<byte> utf8, string file, TokenizerDeclarations declarations)
    {
        using var document = JsonPart.Parse(utf8, file);
        var root = new JsonPart(document.RootElement, "", file);
        if (!root.IsObject)
        {
            throw root.Malformed("should be an object");
        }

        Normalizer? normalizer = NormalizerJson.Read(root["normalizer"]);
        PreTokenizerReading preTokenizer = PreTokenizerJson.Read(root["pre_tokenizer"]);
        TokenModel model = ModelJson.Read(root["model"], preTokenizer.EndsInBytes);
        var added = new AddedVocabulary(ReadAddedTokens(root["added_tokens"], model), normalizer);
        var pipeline = new TokenizerPipeline(
            added,
            preTokenizer.PreTokenizer,
            model,
            PostProcessorJson.Read(root["post_processor"], token => added.Find(token)?.Id ?? model.TokenToId(token)),
            root["decoder"].IsNull ? new SpacesDecoder() : DecoderJson.Read(root["decoder"]));
        return new Tokenizer(pipeline, declarations, utf8);
    }

    /// <summary>
    /// Writes a Hugging Face folder's tokenizer.json, and the tokenizer_config.json that names its special tokens and holds its chat template,
    /// so that <see cref="TokenizerFiles.FromFolder"/> reads an equal tokenizer. Other files of the folder stay.
    /// </summary>
    public static void Write(Tokenizer tokenizer, string folder)
    {
        AtomicFile.Write(Path.Combine(folder, "tokenizer.json"), stream => stream.Write(tokenizer.Definition.Span));
        AtomicFile.Write(Path.Combine(folder, "tokenizer_config.json"), stream => WriteConfig(tokenizer, stream));
    }

    private static void WriteConfig(Tokenizer tokenizer, Stream stream)
    {
        using var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        SpecialTokens special = tokenizer.Special;
        writer.WriteStartObject();
        writer.WriteBoolean("add_bos_token", special.AddBosToken);
        writer.WriteBoolean("add_eos_token", special.AddEosToken);
        writer.WriteString("bos_token", special.BosToken?.Text);
        writer.WriteString("eos_token", special.EosToken?.Text);
        writer.WriteString("unk_token", special.UnknownToken?.Text);
        writer.WriteString("pad_token", special.PadToken?.Text);
        if (tokenizer.ChatTemplate is { } template)
        {
            writer.WriteString("chat_template", template);
        }

        writer.WriteBoolean("clean_up_tokenization_spaces", false);
        writer.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
        writer.WriteEndObject();
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
            if (id < 0 || id >= model.Tokens.Count + Vocabulary.MostGaps)
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
