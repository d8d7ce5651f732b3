using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Data;

/// <summary>Reads the rows of one file type, one after another.</summary>
public sealed record RowReader(IReadOnlyList<string> Extensions, Func<string, IEnumerable<RawRow>> Read);

/// <summary>The file types that rows are read from. A new one is one reader and one line here.</summary>
public static class RowReaders
{
    public static IReadOnlyList<RowReader> All { get; } =
    [
        new([".jsonl", ".ndjson"], JsonLinesReader.Read),
        new([".json"], JsonArrayReader.Read),
    ];

    /// <exception cref="FineTuneException">FT0107: no reader knows the extension.</exception>
    public static RowReader For(string path, SourcePosition position)
    {
        string extension = Path.GetExtension(path).ToLowerInvariant();
        return All.FirstOrDefault(reader => reader.Extensions.Contains(extension)) ?? throw new FineTuneException(
            Codes.UnknownDataType, $"{Path.GetFileName(path)} is of a type that cannot be read.",
            $"Use one of {string.Join(", ", All.SelectMany(reader => reader.Extensions))}.", position);
    }
}
