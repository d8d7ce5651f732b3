using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Prompts;

namespace FineTuneTool.Engine.Data;

/// <summary>Rows of single texts: instruction, input and output; prompt and completion; or one text.</summary>
internal static class InstructionRow
{
    /// <summary>A row with input but no instruction has its question in input: it becomes the instruction.</summary>
    public static Example ReadAlpaca(RawRow row)
    {
        var columns = (JsonObject)row.Values.DeepClone();
        string instruction = Text(row, "instruction"), input = Text(row, "input"), output = Text(row, "output");
        if (instruction.Length == 0)
        {
            (instruction, input) = (input, "");
        }

        columns["instruction"] = instruction;
        columns["input"] = input;
        columns["output"] = output;
        return new ColumnsExample(columns, row.Position);
    }

    public static Example ReadPromptCompletion(RawRow row)
    {
        if (row.Values["prompt"] is JsonArray prompt)
        {
            JsonArray completion = ConversationRow.Messages(row, "completion");
            var messages = new JsonArray([.. ConversationRow.Messages(row, "prompt").Concat(completion).Select(message => message!.DeepClone())]);
            return new ChatExample(messages, ConversationRow.Tools(row), row.Position, prompt.Count);
        }

        var columns = (JsonObject)row.Values.DeepClone();
        columns["prompt"] = Text(row, "prompt");
        columns["completion"] = Text(row, "completion");
        return new ColumnsExample(columns, row.Position);
    }

    public static Example ReadText(RawRow row) => new TextExample(Text(row, "text"), row.Position);

    /// <summary>A text column; absent or null is "".</summary>
    private static string Text(RawRow row, string column) => row.Values[column] switch
    {
        null => "",
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        JsonValue value when value.GetValueKind() == JsonValueKind.Number => value.ToJsonString(),
        _ => throw RowFormats.Bad(row, $"The column {column} is not a text."),
    };
}
