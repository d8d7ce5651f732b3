using System.Text.Json.Nodes;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Tool.Inspection;

/// <summary>A file of rows: their format and columns. Every row is read.</summary>
internal static class DataInspection
{
    public static bool Fits(string path) =>
        File.Exists(path) && RowReaders.All.SelectMany(reader => reader.Extensions).Contains(Path.GetExtension(path).ToLowerInvariant());

    public static JsonObject Describe(string path)
    {
        var formats = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var columns = new Dictionary<string, int>(StringComparer.Ordinal);
        int rows = 0;
        JsonObject? first = null;
        foreach (RawRow row in RowReaders.For(path, new SourcePosition(path)).Read(path))
        {
            rows++;
            first ??= row.Values;
            string format = RowFormats.All.FirstOrDefault(known => known.Fits(row.Values))?.Name ?? "unknown";
            formats[format] = formats.GetValueOrDefault(format) + 1;
            foreach ((string name, _) in row.Values)
            {
                columns[name] = columns.GetValueOrDefault(name) + 1;
            }
        }

        return new JsonObject
        {
            ["rows"] = rows,
            ["bytes"] = new FileInfo(path).Length,
            ["formats"] = Counts(formats),
            ["columns"] = Counts(columns),
            ["first"] = first?.DeepClone(),
        };
    }

    private static JsonObject Counts(IEnumerable<KeyValuePair<string, int>> counts) =>
        new(counts.Select(count => KeyValuePair.Create(count.Key, (JsonNode?)count.Value)));
}
