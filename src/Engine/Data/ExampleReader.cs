using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;

namespace FineTuneTool.Engine.Data;

/// <summary>
/// Reads a data source: file type by extension, a folder file by file, renames, format by name or by the first row, at most Limit rows.
/// Records come in order; they become examples one by one, or side by side in several threads.
/// </summary>
public sealed class ExampleReader(DataSource source)
{
    private RowFormat? _format = source.Format is null ? null : RowFormats.Find(source.Format);

    /// <exception cref="FineTuneException">FT0102 and FT0103 at the row's place, FT0108 at the item's.</exception>
    public static IEnumerable<Example> Read(DataSource source)
    {
        var reader = new ExampleReader(source);
        return reader.Records().Select(reader.Parse);
    }

    /// <summary>The rows as they are found. The first of them decides the format where none is named.</summary>
    /// <exception cref="FineTuneException">As <see cref="Read"/>.</exception>
    public IEnumerable<RawRecord> Records()
    {
        IEnumerable<RawRecord> records = RowReaders.Files(source.Path, source.Position).SelectMany(file => RowReaders.For(file, source.Position).Records(file));
        foreach (RawRecord record in source.Limit > 0 ? records.Take(source.Limit) : records)
        {
            _format ??= RowFormats.Detect(Rename(record.Parse()));
            yield return record;
        }
    }

    /// <summary>What a record of <see cref="Records"/> means. Safe from several threads.</summary>
    /// <exception cref="FineTuneException">FT0102 and FT0103 at the row's place.</exception>
    public Example Parse(RawRecord record)
    {
        RawRow row = Rename(record.Parse());
        Example example = _format!.Fits(row.Values) ? _format.Read(row) : throw RowFormats.DoesNotFit(row, _format);
        float weight = MessageWeight.Of(row.Values) ?? throw RowFormats.Bad(row, MessageWeight.Rule);
        example = weight == 1 ? example : example with { Weight = weight };
        return record.IsDocument && example is TextExample text ? text with { IsDocument = true } : example;
    }

    private RawRow Rename(RawRow row)
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
