using System.Globalization;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Exports;

/// <summary>Makes tokenizer_config.json for a tokenizer that came without one.</summary>
internal static class HuggingFaceTokenizerConfig
{
    public static JsonObject Make(Tokenizer tokenizer, int maxLength)
    {
        SpecialTokens special = tokenizer.Special;
        var config = new JsonObject
        {
            ["add_bos_token"] = special.AddBosToken,
            ["add_eos_token"] = special.AddEosToken,
            ["added_tokens_decoder"] = new JsonObject(tokenizer.AddedTokens.OrderBy(token => token.Id).Select(token =>
                KeyValuePair.Create(token.Id.ToString(CultureInfo.InvariantCulture), (JsonNode?)new JsonObject
                {
                    ["content"] = token.Content,
                    ["lstrip"] = token.LStrip,
                    ["normalized"] = token.Normalized,
                    ["rstrip"] = token.RStrip,
                    ["single_word"] = token.SingleWord,
                    ["special"] = token.Special,
                }))),
            ["clean_up_tokenization_spaces"] = false,
            ["model_max_length"] = maxLength,
            ["tokenizer_class"] = "PreTrainedTokenizerFast",
        };
        (string Key, string? Text)[] tokens =
        [
            ("bos_token", special.BosToken?.Text), ("eos_token", special.EosToken?.Text), ("unk_token", special.UnknownToken?.Text),
            ("pad_token", special.PadToken?.Text), ("chat_template", tokenizer.ChatTemplate),
        ];
        foreach ((string key, string? text) in tokens.Where(token => token.Text is not null))
        {
            config[key] = text;
        }

        return config;
    }
}
