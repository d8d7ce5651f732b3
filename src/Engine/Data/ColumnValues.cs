using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Data;

/// <summary>Values of columns whose file type may have no lists.</summary>
internal static class ColumnValues
{
    /// <summary>A list, or a list that is written as JSON text, as a CSV file has it; null where the column is absent, null or empty text.</summary>
    /// <exception cref="FineTuneException">FT0103: the column holds something else.</exception>
    public static JsonArray? List(RawRow row, string column)
    {
        JsonNode? value = row.Values[column];
        if (value is JsonValue scalar && scalar.GetValueKind() == JsonValueKind.String)
        {
            string text = scalar.GetValue<string>();
            try
            {
                value = text.Length == 0 ? null : JsonTree.Parse(Encoding.UTF8.GetBytes(text));
            }
            catch (Exception exception) when (exception is JsonException or InvalidOperationException)
            {
                throw RowFormats.Bad(row, $"The column {column} is a text that is not JSON.");
            }
        }

        return value switch
        {
            null => null,
            JsonArray list => list,
            _ => throw RowFormats.Bad(row, $"The column {column} is not a list."),
        };
    }
}
