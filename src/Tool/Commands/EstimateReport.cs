using System.Globalization;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Stages;

namespace FineTuneTool.Tool.Commands;

/// <summary>An estimate for people and for scripts.</summary>
/// <param name="Flops">Operations a second of this machine in a training step; null where none was timed.</param>
/// <param name="Tokens">Tokens of the whole run; null where no data are known.</param>
internal sealed record EstimateReport(
    string Source, IReadOnlyList<MethodEstimate> Methods, MethodAdvice Advice, double? Flops, long? Rows, long? Tokens)
{
    public JsonObject ToJson() => new()
    {
        ["source"] = Source,
        ["rows"] = Rows,
        ["tokens"] = Tokens,
        ["methods"] = new JsonArray([.. Methods.Select(method => new JsonObject
        {
            ["method"] = method.Method,
            ["trained_parameters"] = method.TrainedParameters,
            ["weight_bytes"] = method.WeightBytes,
            ["trained_bytes"] = method.TrainedBytes,
            ["batch_bytes"] = method.BatchBytes,
            ["peak_bytes"] = method.PeakBytes,
            ["fits"] = method.Fits,
            ["micro_batch_size"] = method.Choice.MicroBatchSize,
            ["checkpointed_layers"] = method.Choice.CheckpointedLayers,
            ["paged_state"] = method.Choice.PagesState,
            ["flops_per_token"] = method.FlopsPerToken,
            ["tokens_per_second"] = TokensPerSecond(method),
            ["seconds"] = Seconds(method),
        })]),
        ["advice"] = new JsonObject { ["method"] = Advice.Method, ["reasons"] = new JsonArray([.. Advice.Reasons.Select(reason => JsonValue.Create(reason))]) },
    };

    public void Write(TextWriter output)
    {
        void Line(FormattableString text) => output.WriteLine(text.ToString(CultureInfo.InvariantCulture));
        Line($"{Source}{(Rows is null ? "" : $": {Rows:N0} training rows, {Tokens:N0} tokens in all epochs")}");
        output.WriteLine();
        Line($"{"method",-8} {"trained",14} {"weights",10} {"adapter+opt",12} {"batch",10} {"peak",10} {"tokens/s",9} {"time",9}");
        foreach (MethodEstimate method in Methods)
        {
            Line($"{method.Method,-8} {method.TrainedParameters,14:N0} {Memory(method.WeightBytes),10} {Memory(method.TrainedBytes),12} {Memory(method.BatchBytes),10} {Memory(method.PeakBytes),10} {TokensPerSecond(method),9:F0} {Time(Seconds(method)),9}  {Note(method)}");
        }

        output.WriteLine();
        foreach (string reason in Advice.Reasons)
        {
            output.WriteLine(reason);
        }
    }

    private double? TokensPerSecond(MethodEstimate method) => Flops / method.FlopsPerToken;

    private double? Seconds(MethodEstimate method) => Tokens / TokensPerSecond(method);

    private static string Note(MethodEstimate method) => string.Join(", ", Notes(method));

    private static IEnumerable<string> Notes(MethodEstimate method)
    {
        if (!method.Fits)
        {
            yield return "does not fit";
        }

        if (method.Choice.CheckpointedLayers > 0)
        {
            yield return $"{method.Choice.CheckpointedLayers} layers checkpointed";
        }

        if (method.Choice.PagesState)
        {
            yield return "optimizer state in a file";
        }
    }

    private static string Memory(long bytes) => string.Create(
        CultureInfo.InvariantCulture, $"{(bytes >= 1L << 30 ? bytes / 1073741824.0 : bytes / 1048576.0):F1} {(bytes >= 1L << 30 ? "GiB" : "MiB")}");

    private static string Time(double? seconds) => seconds switch
    {
        null => "",
        < 90 => string.Create(CultureInfo.InvariantCulture, $"{seconds:F0} s"),
        < 5400 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:F0} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:F1} h"),
    };
}
