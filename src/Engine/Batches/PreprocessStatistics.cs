using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FineTuneTool.Engine.Batches;

/// <summary>What preprocessing made of the data; kept beside the data sets as statistics.json.</summary>
/// <param name="RowsRead">Rows of all sources, before any filter.</param>
/// <param name="Dropped">Rows left out, by reason.</param>
/// <param name="Template">Name of the prompt template.</param>
public sealed record PreprocessStatistics(
    long RowsRead,
    IReadOnlyDictionary<string, int> Dropped,
    string Template,
    int MaxSeqLength,
    SplitStatistics Train,
    SplitStatistics Validation,
    SplitStatistics Test)
{
    /// <summary>One line for the log.</summary>
    [JsonIgnore]
    public string Summary => string.Create(CultureInfo.InvariantCulture,
        $"{RowsRead} rows read, {Dropped.Values.Sum()} dropped: {Train.Rows} for training ({Train.Tokens} tokens, {Train.SupervisedShare:0%} learnt), {Validation.Rows} for validation, {Test.Rows} for the test; template {Template}");

    public string ToJson() => JsonSerializer.Serialize(this, PreprocessJson.Default.PreprocessStatistics) + "\n";

    public static PreprocessStatistics FromJson(string json) =>
        JsonSerializer.Deserialize(json, PreprocessJson.Default.PreprocessStatistics) ?? throw new JsonException("The statistics are empty.");
}

/// <summary>One part of the data.</summary>
/// <param name="Rows">Examples in the data set; more than rows where rows were split.</param>
/// <param name="SupervisedTokens">Tokens that are learnt.</param>
/// <param name="Truncated">Examples that lost their end.</param>
/// <param name="Lengths">Examples by length, in tokens: how many are up to each bound, and above the bound before it.</param>
public sealed record SplitStatistics(
    int Rows, long Tokens, long SupervisedTokens, int Truncated, int ShortestRow, int LongestRow, IReadOnlyList<LengthBucket> Lengths)
{
    /// <summary>Learnt tokens of all tokens, 0 … 1.</summary>
    public double SupervisedShare => Tokens == 0 ? 0 : Math.Round((double)SupervisedTokens / Tokens, 6);

    public double MeanLength => Rows == 0 ? 0 : Math.Round((double)Tokens / Rows, 3);
}

/// <summary>Examples of at most <paramref name="UpTo"/> tokens that are in no smaller bucket.</summary>
public sealed record LengthBucket(int UpTo, int Rows);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, NewLine = "\n")]
[JsonSerializable(typeof(PreprocessStatistics))]
internal sealed partial class PreprocessJson : JsonSerializerContext;
