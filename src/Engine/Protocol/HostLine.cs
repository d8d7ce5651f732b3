using System.Text.Json;
using System.Text.Json.Serialization;

namespace FineTuneTool.Engine.Protocol;

/// <summary>
/// One line of the engine host's standard output, as JSON; <see cref="Type"/> says which members are set.
/// <list type="bullet">
/// <item>progress: activity, done, total, detail</item>
/// <item>metric: step, values</item>
/// <item>milestone: text</item>
/// <item>diagnostic: code, severity, message, remedy, file, line, column, helpLink</item>
/// <item>result: status (done, upToDate, stopped, failed), folder, outputs, seconds; always the last line</item>
/// </list>
/// The host ends with 0 (done, up to date), 1 (failed) or 130 (stopped). On its standard input the line "stop", or its end, means: checkpoint and end.
/// </summary>
public sealed record HostLine(string Type)
{
    public string? Activity { get; init; }

    public long? Done { get; init; }

    public long? Total { get; init; }

    public string? Detail { get; init; }

    public long? Step { get; init; }

    public IReadOnlyDictionary<string, double>? Values { get; init; }

    public string? Text { get; init; }

    public string? Code { get; init; }

    public string? Severity { get; init; }

    public string? Message { get; init; }

    public string? Remedy { get; init; }

    public string? File { get; init; }

    public int? Line { get; init; }

    public int? Column { get; init; }

    public string? HelpLink { get; init; }

    public string? Status { get; init; }

    public string? Folder { get; init; }

    public IReadOnlyDictionary<string, string>? Outputs { get; init; }

    public double? Seconds { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, ProtocolJson.Default.HostLine);

    /// <summary>Null for a line that is not ours.</summary>
    public static HostLine? TryParse(string line)
    {
        try
        {
            return line.StartsWith('{') ? JsonSerializer.Deserialize(line, ProtocolJson.Default.HostLine) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    [JsonIgnore]
    public bool IsResult => Type == "result";
}
