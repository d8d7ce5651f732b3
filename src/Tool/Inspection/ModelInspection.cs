using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Tool.Inspection;

/// <summary>A model: a GGUF file or a Hugging Face folder.</summary>
internal static class ModelInspection
{
    /// <summary>Longer lists of a GGUF file's metadata (vocabularies) are only counted.</summary>
    private const int LongestList = 16;

    public static bool IsGguf(string path) => File.Exists(path) && path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);

    public static bool IsFolder(string path) => File.Exists(Path.Combine(path, "config.json"));

    public static JsonObject DescribeGguf(string path)
    {
        using var files = new GgufModelFiles(path);
        var description = new JsonObject
        {
            ["version"] = files.File.Version,
            ["architecture"] = Architecture(files),
            ["tokenizer"] = Tokenizer(() => TokenizerFiles.FromGguf(files.File)),
            ["metadata"] = new JsonObject(files.Metadata.Select(entry => KeyValuePair.Create(entry.Key, Value(entry)))),
        };
        TensorInspection.Add(description, files.Tensors);
        return description;
    }

    public static JsonObject DescribeFolder(string path)
    {
        using ModelFiles files = ModelFiles.Open(path);
        var description = new JsonObject
        {
            ["architecture"] = Architecture(files),
            ["tokenizer"] = Tokenizer(() => TokenizerFiles.FromFolder(path)),
            ["files"] = new JsonArray([.. files.ContentFiles.Select(file => (JsonNode)Path.GetRelativePath(path, file))]),
        };
        TensorInspection.Add(description, files.Tensors);
        return description;
    }

    /// <summary>The model's extents, or why it cannot be trained; a model of another family can still be looked at.</summary>
    private static JsonObject Architecture(ModelFiles files)
    {
        try
        {
            DecoderSpec spec = ModelFamilies.Read(files).Spec;
            return new JsonObject
            {
                ["model_type"] = spec.ModelType,
                ["layers"] = spec.NumHiddenLayers,
                ["hidden_size"] = spec.HiddenSize,
                ["intermediate_size"] = spec.IntermediateSize,
                ["heads"] = spec.NumAttentionHeads,
                ["key_value_heads"] = spec.NumKeyValueHeads,
                ["head_dim"] = spec.HeadDim,
                ["vocabulary"] = spec.VocabSize,
                ["context"] = spec.MaxPositionEmbeddings,
                ["tied_embeddings"] = spec.TieWordEmbeddings,
            };
        }
        catch (FineTuneException exception)
        {
            return new JsonObject { ["problem"] = exception.Diagnostic.ToString() };
        }
    }

    private static JsonObject Tokenizer(Func<Tokenizer> open)
    {
        try
        {
            Tokenizer tokenizer = open();
            return new JsonObject
            {
                ["tokens"] = tokenizer.VocabularySize,
                ["added_tokens"] = tokenizer.AddedTokens.Count,
                ["bos"] = tokenizer.Special.BosToken?.Text,
                ["eos"] = tokenizer.Special.EosToken?.Text,
                ["adds_bos"] = tokenizer.Special.AddBosToken,
                ["adds_eos"] = tokenizer.Special.AddEosToken,
                ["end_of_generation"] = new JsonArray([.. tokenizer.EndOfGenerationIds.Select(id => (JsonNode?)tokenizer.IdToToken(id))]),
                ["chat_template"] = tokenizer.ChatTemplate is not null,
            };
        }
        catch (FineTuneException exception)
        {
            return new JsonObject { ["problem"] = exception.Diagnostic.ToString() };
        }
    }

    private static JsonNode? Value(GgufEntry entry) => entry.Value switch
    {
        string text => text,
        bool flag => flag,
        Array { Length: > LongestList } list => $"{list.Length} values",
        Array list => new JsonArray([.. list.Cast<object>().Select(Scalar)]),
        object value => Scalar(value),
    };

    private static JsonNode? Scalar(object value) => value switch
    {
        string text => text,
        bool flag => flag,
        ulong number => number,
        float number => float.IsFinite(number) ? number : number.ToString(System.Globalization.CultureInfo.InvariantCulture),
        double number => double.IsFinite(number) ? number : number.ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture),
    };
}
