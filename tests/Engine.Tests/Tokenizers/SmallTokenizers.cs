using System.Text;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Tests.Tokenizers;

/// <summary>Tokenizers small enough to read: byte-level vocabularies of the printable ASCII letters and a few merges.</summary>
internal static class SmallTokenizers
{
    /// <summary>A byte-level tokenizer.json with the tokens "!" … "~" and "Ġ" (ids 0–94), then one token per merge, in order.</summary>
    public static JsonObject ByteLevel(params string[] merges)
    {
        var vocabulary = new JsonObject();
        foreach (char letter in Enumerable.Range('!', 94).Select(point => (char)point).Append('Ġ'))
        {
            vocabulary[letter.ToString()] = vocabulary.Count;
        }

        foreach (string merge in merges)
        {
            vocabulary[merge.Replace(" ", "", StringComparison.Ordinal)] = vocabulary.Count;
        }

        return new JsonObject
        {
            ["added_tokens"] = new JsonArray(),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = true },
            ["post_processor"] = null,
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel" },
            ["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = vocabulary, ["merges"] = new JsonArray([.. merges.Select(merge => (JsonNode)merge)]) },
        };
    }

    public static JsonObject Added(int id, string content, bool special = true, params string[] flags)
    {
        var token = new JsonObject { ["id"] = id, ["content"] = content, ["special"] = special, ["normalized"] = false };
        foreach (string flag in flags)
        {
            token[flag] = true;
        }

        return token;
    }

    public static Tokenizer Read(JsonNode json) => TokenizerJson.Read(Encoding.UTF8.GetBytes(json.ToJsonString()), "tokenizer.json", new TokenizerDeclarations());

    /// <summary>The tokens of a text, as the vocabulary writes them.</summary>
    public static string Spell(this Tokenizer tokenizer, string text) => string.Join('|', tokenizer.EncodeIds(text).Select(tokenizer.IdToToken));
}
