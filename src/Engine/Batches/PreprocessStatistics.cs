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
    /// <summary>Rows that are nearly like an earlier one, kept or dropped.</summary>
    public int NearDuplicates { get; init; }

    /// <summary>Rows in which a token lies across the end of the prompt and the beginning of the answer.</summary>
    public int CrossedBoundaries { get; init; }

    public QualityStatistics? Quality { get; init; }

    /// <summary>One line for the log.</summary>
    [JsonIgnore]
    public string Summary => string.Create(CultureInfo.InvariantCulture,
        $"{RowsRead} rows read, {Dropped.Values.Sum()} dropped: {Train.Rows} for training ({Train.Tokens} tokens, {Train.SupervisedShare:0%} learnt, {Train.PackingEfficiency:0.0%} full when packed), {Validation.Rows} for validation, {Test.Rows} for the test; template {Template}");

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
    /// <summary>Examples that lost a part of what is to be learnt.</summary>
    public int AnswersCut { get; init; }

    /// <summary>Rows of MaxSeqLength tokens that the examples fill when they are packed.</summary>
    public int PackedRows { get; init; }

    /// <summary>Tokens of all that packed rows have room for, 0 … 1.</summary>
    public double PackingEfficiency { get; init; }

    /// <summary>Learnt tokens of all tokens, 0 … 1.</summary>
    public double SupervisedShare => Tokens == 0 ? 0 : Math.Round((double)SupervisedTokens / Tokens, 6);

    public double MeanLength => Rows == 0 ? 0 : Math.Round((double)Tokens / Rows, 3);
}

/// <summary>How good the rows' texts are, by what can be counted in any language; of all rows read. Ratios as in TextQuality.</summary>
/// <param name="FewLetters">Rows of which less than half is letters and digits.</param>
/// <param name="Repetitive">Rows of which more than 30 % stood in them before.</param>
/// <param name="Broken">Rows with characters that text does not have.</param>
public sealed record QualityStatistics(double MeanLetterRatio, double MeanRepetitionRatio, int FewLetters, int Repetitive, int Broken);

/// <summary>Examples of at most <paramref name="UpTo"/> tokens that are in no smaller bucket.</summary>
public sealed record LengthBucket(int UpTo, int Rows);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, NewLine = "\n")]
[JsonSerializable(typeof(PreprocessStatistics))]
internal sealed partial class PreprocessJson : JsonSerializerContext;
