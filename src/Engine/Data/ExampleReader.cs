using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;

namespace FineTuneTool.Engine.Data;

/// <summary>Reads a data source: file type by extension, a folder file by file, renames, format by name or by the first row, at most Limit rows.</summary>
public static class ExampleReader
{
    /// <exception cref="FineTuneException">FT0102 and FT0103 at the row's place, FT0108 at the item's.</exception>
    public static IEnumerable<Example> Read(DataSource source)
    {
        RowFormat? format = source.Format is null ? null : RowFormats.Find(source.Format);
        IEnumerable<RawRow> rows = RowReaders.Files(source.Path, source.Position).SelectMany(file => RowReaders.For(file, source.Position).Read(file));
        foreach (RawRow raw in source.Limit > 0 ? rows.Take(source.Limit) : rows)
        {
            RawRow row = Rename(raw, source);
            format ??= RowFormats.Detect(row);
            yield return format.Fits(row.Values) ? format.Read(row) : throw RowFormats.DoesNotFit(row, format);
        }
    }

    private static RawRow Rename(RawRow row, DataSource source)
    {
        if (source.Columns.Count == 0)
        {
            return row;
        }

        var renamed = new JsonObject();
        foreach ((string wanted, string own) in source.Columns)
        {
            if (!row.Values.ContainsKey(own))
            {
                throw new FineTuneException(Codes.UnknownColumns,
                    $"Columns names the column {own}, which this row lacks; it has {string.Join(", ", row.Values.Select(column => column.Key))}.",
                    "Correct the metadata Columns of the data item.", row.Position);
            }

            renamed[wanted] = row.Values[own]?.DeepClone();
        }

        foreach ((string name, JsonNode? value) in row.Values)
        {
            if (!renamed.ContainsKey(name) && !source.Columns.Values.Contains(name))
            {
                renamed[name] = value?.DeepClone();
            }
        }

        return row with { Values = renamed };
    }
}
