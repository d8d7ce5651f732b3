using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Data;

/// <summary>One way in which a row's columns can be meant.</summary>
/// <param name="Shape">The columns, in words, for diagnostics.</param>
/// <param name="Fits">Whether a row has the columns that mark this format.</param>
/// <param name="Read">Throws FT0103 where a column holds the wrong kind of value.</param>
public sealed record RowFormat(string Name, string Shape, Func<JsonObject, bool> Fits, Func<RawRow, Example> Read);

/// <summary>
/// The row formats, in the order in which they are tried when none is named. A new one is one method and one line here.
/// </summary>
public static class RowFormats
{
    public static IReadOnlyList<RowFormat> All { get; } =
    [
        new("tokens", "input_ids, optionally labels and attention_mask", row => row.ContainsKey("input_ids"), TokensRow.Read),
        new("messages", "messages: a list of objects with role and content", row => row.ContainsKey("messages"), ConversationRow.ReadMessages),
        new("sharegpt", "conversations: a list of objects with from and value", row => row.ContainsKey("conversations"), ConversationRow.ReadShareGpt),
        new("prompt-completion", "prompt and completion", row => row.ContainsKey("prompt") && row.ContainsKey("completion"), InstructionRow.ReadPromptCompletion),
        new("alpaca", "instruction (or input) and output", row => row.ContainsKey("output") && (row.ContainsKey("instruction") || row.ContainsKey("input")), InstructionRow.ReadAlpaca),
        new("text", "text", row => row.ContainsKey("text"), InstructionRow.ReadText),
    ];

    public static RowFormat? Find(string name) => All.FirstOrDefault(format => format.Name == name);

    /// <summary>The first format that fits a row.</summary>
    /// <exception cref="FineTuneException">FT0103 with the columns found and the nearest format.</exception>
    public static RowFormat Detect(RawRow row) => All.FirstOrDefault(format => format.Fits(row.Values)) ?? throw DoesNotFit(row, Nearest(row));

    internal static FineTuneException DoesNotFit(RawRow row, RowFormat format) => Bad(
        row, $"The columns {Names(row)} do not fit the format {format.Name} ({format.Shape}).{Misspelt(row)}");

    internal static FineTuneException Bad(RawRow row, string problem) => new(
        Codes.UnknownColumns, problem, "Rename columns with the metadata Columns=\"wanted=yours;…\" of the data item, or name another Format.", row.Position);

    private static string Names(RawRow row) => row.Values.Count == 0 ? "(none)" : string.Join(", ", row.Values.Select(column => column.Key));

    private static string Misspelt(RawRow row)
    {
        foreach ((string name, _) in row.Values)
        {
            if (!KnownColumns.Contains(name) && Suggestion.Nearest(name, KnownColumns) is string known)
            {
                return $" Is {name} meant to be {known}?";
            }
        }

        return "";
    }

    /// <summary>The format with the most columns in common, the first of equals; alpaca where nothing is.</summary>
    private static RowFormat Nearest(RawRow row)
    {
        RowFormat? best = All.Where(format => row.Values.Any(column => format.Shape.Contains(column.Key, StringComparison.Ordinal))).FirstOrDefault();
        return best ?? Find("alpaca")!;
    }

    private static readonly string[] KnownColumns =
        ["input_ids", "labels", "messages", "conversations", "prompt", "completion", "instruction", "input", "output", "text", "tools"];
}
