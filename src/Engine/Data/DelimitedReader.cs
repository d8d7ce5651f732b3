using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Data;

/// <summary>
/// CSV and TSV files (RFC 4180), UTF-8 with or without a byte order mark: the first record names the columns, every value is a text.
/// Reads as it goes; a file of any size takes the memory of its longest record.
/// </summary>
public static class DelimitedReader
{
    /// <summary>A .csv file: fields separated by commas, or by the semicolons or tabs that its first line shows.</summary>
    /// <exception cref="FineTuneException">FT0110 with the line; FT0301 where the file cannot be read.</exception>
    public static IEnumerable<RawRow> Read(string path) => Read(path, null);

    /// <summary>A .tsv file: fields separated by tabs.</summary>
    /// <exception cref="FineTuneException">FT0110 with the line; FT0301 where the file cannot be read.</exception>
    public static IEnumerable<RawRow> ReadTabs(string path) => Read(path, (byte)'\t');

    private static IEnumerable<RawRow> Read(string path, byte? delimiter)
    {
        using FileStream stream = DataFile.Open(path);
        var scanner = new DelimitedScanner(stream, path);
        scanner.SkipMark();
        byte between = delimiter ?? scanner.Delimiter();
        if (scanner.Record(between) is not { } names)
        {
            yield break;
        }

        if (names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw DataFile.Malformed($"two columns are named {twice.Key}", path, scanner.Line);
        }

        while (scanner.Record(between) is { } fields)
        {
            if (fields.Count != names.Count)
            {
                throw DataFile.Malformed($"the row has {fields.Count} fields; the first line names {names.Count} columns", path, scanner.Line);
            }

            yield return new RawRow(new JsonObject(names.Zip(fields, (name, field) => KeyValuePair.Create(name, (JsonNode?)field))), path, scanner.Line);
        }
    }
}
