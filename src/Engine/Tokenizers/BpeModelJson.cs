using System.Text.Json;
using FineTuneTool.Engine.Tokenizers.Models;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>The "model" of tokenizer.json, of type BPE.</summary>
internal static class BpeModelJson
{
    public static BpeModel Read(JsonPart part, bool byteLevel)
    {
        var affixes = new BpeAffixes(part["continuing_subword_prefix"].TextOrNull() ?? "", part["end_of_word_suffix"].TextOrNull() ?? "");
        bool plain = affixes is { Prefix: "", Suffix: "" };
        if (!plain && part["byte_fallback"].FlagOr(false))
        {
            throw part["byte_fallback"].Unsupported("a fallback to bytes beside affixes");
        }

        var vocabulary = Vocabulary.Read(part["vocab"]);
        int? unknown = null;
        if (part["unk_token"].TextOrNull() is { } token)
        {
            unknown = vocabulary.Find(token) ?? throw part["unk_token"].Malformed($"names '{token}', which is not in the vocabulary");
        }

        var settings = new BpeSettings(unknown, part["fuse_unk"].FlagOr(false), part["byte_fallback"].FlagOr(false), part["ignore_merges"].FlagOr(false), plain ? null : affixes);
        return new BpeModel(vocabulary, ReadMerges(part["merges"], vocabulary, affixes), settings, byteLevel);
    }

    private static MergeTable ReadMerges(JsonPart part, Vocabulary vocabulary, BpeAffixes affixes)
    {
        if (!part.IsArray)
        {
            throw part.Malformed("should be a list");
        }

        var merges = new MergeTable(part.Element.GetArrayLength());
        int rank = 0;
        try
        {
            foreach (JsonElement item in part.Element.EnumerateArray())
            {
                (string left, string right) = Pair(item) ?? throw part.Malformed($"has at {rank} something that is not a pair of tokens");
                string result = affixes.Join(left, right);
                merges.Set(Id(left), Id(right), new Merge(rank, Id(result)));
                rank++;
            }
        }
        catch (InvalidOperationException)
        {
            throw part.Malformed($"has at {rank} a text that is not valid Unicode");
        }

        return merges;

        int Id(string token) => vocabulary.Find(token) ?? throw part.Malformed($"uses at {rank} the token '{token}', which is not in the vocabulary");
    }

    /// <summary>A merge is written "a b", or ["a", "b"] where tokens may hold spaces.</summary>
    private static (string Left, string Right)? Pair(JsonElement item)
    {
        string[] parts = item.ValueKind switch
        {
            JsonValueKind.String => item.GetString()!.Split(' '),
            JsonValueKind.Array => [.. item.EnumerateArray().Take(3).Select(part => part.ValueKind == JsonValueKind.String ? part.GetString()! : "")],
            _ => [],
        };
        return parts is [string left, string right] ? (left, right) : null;
    }
}
