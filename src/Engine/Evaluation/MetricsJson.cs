using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Batches;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>An evaluation as JSON. Names are in snake_case as in metrics.csv; a number that is not finite is null.</summary>
public static class MetricsJson
{
    public const int FormatVersion = 1;

    public static string Write(EvaluationReport report)
    {
        using var stream = new MemoryStream();
        var options = new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(stream, options))
        {
            json.WriteStartObject();
            json.WriteNumber("format_version", FormatVersion);
            json.WriteString("project", report.Project);
            json.WriteString("base_model", report.BaseModel);
            json.WriteString("method", report.Method);
            json.WriteStartObject("splits");
            foreach (SplitComparison split in report.Splits)
            {
                json.WriteStartObject(split.Split);
                Metrics(json, "base", split.Base);
                Metrics(json, "tuned", split.Tuned);
                Number(json, "loss_improvement", split.LossImprovement);
                json.WriteEndObject();
            }

            json.WriteEndObject();
            Array(json, "gates", report.Gates, Gate);
            Array(json, "samples", report.Samples, Sample);
            Array(json, "changes", report.Changes, Change);
            if (report.Data is { } data)
            {
                json.WritePropertyName("data");
                JsonSerializer.Serialize(json, data, DataJson.Default.PreprocessStatistics);
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length) + "\n";
    }

    private static void Array<T>(Utf8JsonWriter json, string name, IReadOnlyList<T> items, Action<Utf8JsonWriter, T> write)
    {
        json.WriteStartArray(name);
        foreach (T item in items)
        {
            json.WriteStartObject();
            write(json, item);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Metrics(Utf8JsonWriter json, string name, EvaluationMetrics metrics)
    {
        json.WriteStartObject(name);
        Number(json, "loss", metrics.Loss);
        Number(json, "perplexity", metrics.Perplexity);
        Number(json, "token_accuracy", metrics.TokenAccuracy);
        json.WriteNumber("supervised_tokens", metrics.SupervisedTokens);
        json.WriteNumber("rows", metrics.Rows);
        json.WriteEndObject();
    }

    private static void Gate(Utf8JsonWriter json, GateResult result)
    {
        json.WriteString("metric", result.Gate.Metric.Name);
        Number(json, "min", result.Gate.Min);
        Number(json, "max", result.Gate.Max);
        json.WriteString("severity", result.Gate.Severity.ToString().ToLowerInvariant());
        Number(json, "value", result.Value);
        json.WriteBoolean("passed", result.Passed);
    }

    private static void Sample(Utf8JsonWriter json, SampleComparison sample)
    {
        json.WriteString("prompt", sample.Prompt);
        json.WriteString("before", sample.Before);
        json.WriteString("after", sample.After);
    }

    private static void Change(Utf8JsonWriter json, LayerChange change)
    {
        json.WriteString("module", change.Path);
        Number(json, "change_norm", change.BranchNorm);
        Number(json, "weight_norm", change.WeightNorm);
    }

    private static void Number(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number))
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }
}

/// <summary>The statistics of the data under the names of metrics.json; whatever is counted there is here, too.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(PreprocessStatistics))]
internal sealed partial class DataJson : JsonSerializerContext;
