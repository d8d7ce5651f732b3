using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Prompts;

/// <summary>One row of a data set after its columns were understood, with the place it came from.</summary>
public abstract record Example(SourcePosition Position)
{
    /// <summary>How much the row counts in the loss, ≥ 0; what its messages say besides is multiplied by it.</summary>
    public float Weight { get; init; } = 1;
}

/// <summary>
/// A conversation. <paramref name="Messages"/> holds objects with role and content (and what templates know besides: tool_calls, name, train, weight).
/// </summary>
/// <param name="CompletionStart">Index of the first message that is to be learnt, for prompt/completion rows of messages; null = by roles.</param>
public sealed record ChatExample(JsonArray Messages, JsonArray? Tools, SourcePosition Position, int? CompletionStart = null) : Example(Position)
{
    /// <summary>Variables for the template that the row brings along (column chat_template_kwargs), such as enable_thinking.</summary>
    public JsonObject? Variables { get; init; }
}

/// <summary>
/// Named columns for a prompt template, all columns of the row included. Rows of the alpaca kind always have instruction, input and output
/// ("" where absent); rows of prompt and completion have prompt and completion.
/// </summary>
public sealed record ColumnsExample(JsonObject Columns, SourcePosition Position) : Example(Position)
{
    /// <summary>True for rows that already are a finished prompt and its completion, which take no template.</summary>
    public bool IsPromptCompletion => Columns.ContainsKey("prompt") && Columns.ContainsKey("completion");

    public string Text(string column) => Columns[column] is JsonValue value && value.TryGetValue(out string? text) ? text : "";
}

/// <summary>Plain text, learnt as a whole.</summary>
public sealed record TextExample(string Text, SourcePosition Position) : Example(Position)
{
    /// <summary>The text is a whole file, which is cut into pieces where it is too long, whatever happens to rows that are.</summary>
    public bool IsDocument { get; init; }
}

/// <summary>Ids and labels that were made elsewhere; labels are −100 where nothing is learnt.</summary>
public sealed record TokensExample(int[] Ids, int[] Labels, SourcePosition Position) : Example(Position);
