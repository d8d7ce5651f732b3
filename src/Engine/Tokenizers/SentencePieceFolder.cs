using System.Globalization;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>
/// The tokenizer of a folder that has a tokenizer.model and no tokenizer.json: the model, and beside it what tokenizer_config.json
/// (<c>added_tokens_decoder</c>, <c>add_bos_token</c>, <c>add_eos_token</c>, <c>legacy</c>) and added_tokens.json say.
/// </summary>
internal static class SentencePieceFolder
{
    private const int MostAddedTokens = 1 << 20;

    public static Tokenizer Read(string folder)
    {
        string path = Path.Combine(folder, "tokenizer.model");
        SentencePieceModel model = SentencePieceModel.Read(TokenizerFiles.ReadBytes(path), path);
        JsonPart config = FolderDeclarations.Open(folder, "tokenizer_config.json");
        SentencePieceVocabulary vocabulary = model.Vocabulary;
        List<AddedToken> extra = [.. Listed(FolderDeclarations.Open(folder, "added_tokens.json")), .. Described(config["added_tokens_decoder"])];
        TokenizerDeclarations declared = FolderDeclarations.Read(folder);
        declared = declared with
        {
            BosToken = declared.BosToken ?? model.Special(model.BosId)?.Text,
            EosToken = declared.EosToken ?? model.Special(model.EosId)?.Text,
            UnknownToken = declared.UnknownToken ?? (vocabulary.UnknownId is int unknown ? vocabulary.Tokens[unknown] : null),
            PadToken = declared.PadToken ?? model.Special(model.PadId)?.Text,
        };

        // Models of this kind that generate text begin with bos unless the configuration says otherwise.
        vocabulary = vocabulary with
        {
            Extra = extra,
            OnlyFirst = !config["legacy"].FlagOr(true),
            AddSpacePrefix = vocabulary.AddSpacePrefix && config["add_prefix_space"].FlagOr(true),
            Before = config["add_bos_token"].FlagOr(model.IsBpe) ? Find(declared.BosToken) : null,
            After = config["add_eos_token"].FlagOr(false) ? Find(declared.EosToken) : null,
        };
        return TokenizerJson.Read(Definition(vocabulary, path), path, declared);

        SpecialToken? Find(string? text)
        {
            int id = text is null ? -1 : Array.IndexOf(vocabulary.Tokens, text);
            id = id < 0 ? extra.Find(token => token.Content == text)?.Id ?? -1 : id;
            return id < 0 ? null : new SpecialToken(text!, id);
        }
    }

    /// <summary>The tokenizer.json of a vocabulary; FT0202 where its merges are out of proportion.</summary>
    public static byte[] Definition(SentencePieceVocabulary vocabulary, string? file)
    {
        try
        {
            return vocabulary.ToJson();
        }
        catch (FormatException problem)
        {
            throw new FineTuneException(
                Codes.UnsupportedTokenizer, $"The vocabulary {problem.Message}.", "Use a base model with a tokenizer.json.", new SourcePosition(file), problem);
        }
    }

    /// <summary>added_tokens.json: texts and ids.</summary>
    private static IEnumerable<AddedToken> Listed(JsonPart part) =>
        part.Properties().Select(property => new AddedToken(Checked(property.Value.Integer(), property.Value), property.Name, Special: false));

    /// <summary><c>added_tokens_decoder</c>: ids, and for each its text and flags.</summary>
    private static IEnumerable<AddedToken> Described(JsonPart part)
    {
        foreach ((string name, JsonPart item) in part.Properties())
        {
            int id = int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : throw part.Malformed($"has the key '{name}', which is no id");
            bool special = item["special"].FlagOr(false);
            yield return new AddedToken(
                Checked(id, item),
                item["content"].Text(),
                special,
                item["normalized"].FlagOr(!special),
                item["single_word"].FlagOr(false),
                item["lstrip"].FlagOr(false),
                item["rstrip"].FlagOr(false));
        }
    }

    private static int Checked(int id, JsonPart part) => id is >= 0 and < MostAddedTokens ? id : throw part.Malformed($"is the token {id}, which no vocabulary has");
}
