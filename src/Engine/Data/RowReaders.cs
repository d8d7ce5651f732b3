using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Data;

/// <summary>Reads the rows of one file type, one after another.</summary>
/// <param name="Records">The rows of a file, which may still have to be parsed.</param>
/// <param name="IsProse">Files that are texts as a whole; beside files of rows they describe those.</param>
public sealed record RowReader(IReadOnlyList<string> Extensions, Func<string, IEnumerable<RawRecord>> Records, bool IsProse = false)
{
    public RowReader(IReadOnlyList<string> extensions, Func<string, IEnumerable<RawRow>> read, bool isProse = false)
        : this(extensions, path => read(path).Select(row => new RawRecord(row) { IsDocument = isProse }), isProse)
    {
    }

    public IEnumerable<RawRow> Read(string path) => Records(path).Select(record => record.Parse());
}

/// <summary>The file types that rows are read from. A new one is one reader and one line here.</summary>
public static class RowReaders
{
    public static IReadOnlyList<RowReader> All { get; } =
    [
        new([".jsonl", ".ndjson"], JsonLinesReader.Records),
        new([".json"], JsonArrayReader.Records),
        new([".csv"], DelimitedReader.Read),
        new([".tsv"], DelimitedReader.ReadTabs),
        new([".parquet"], ParquetReader.Read),
        new([".txt", ".md"], TextFileReader.Read, isProse: true),
    ];

    /// <exception cref="FineTuneException">FT0108: no reader knows the extension.</exception>
    public static RowReader For(string path, SourcePosition position) => Find(path) ?? throw Unknown($"{Path.GetFileName(path)} is of a type that cannot be read.", position);

    /// <summary>
    /// The files of a data source: the file itself, or those of a folder and the folders in it, in the order of their paths (by code unit, with "/").
    /// A folder that has files of rows gives those and not its texts; files of other types and hidden ones do not count. Also those of a data set of the Hub.
    /// </summary>
    /// <exception cref="FineTuneException">FT0108: a folder has no file that can be read.</exception>
    public static IReadOnlyList<string> Files(string path, SourcePosition position)
    {
        if (HubDataset.IsNamed(path))
        {
            return HubDataset.Files(path, position);
        }

        if (!Directory.Exists(path))
        {
            return [path];
        }

        string[] known = [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(path, file).Replace(Path.DirectorySeparatorChar, '/'))
            .Where(file => Find(file) is not null && !file.Split('/').Any(part => part.StartsWith('.')))
            .Order(StringComparer.Ordinal)];
        string[] rows = [.. known.Where(file => !Find(file)!.IsProse)];
        return known.Length > 0 ? [.. (rows.Length > 0 ? rows : known).Select(file => Path.Combine(path, file))]
            : throw Unknown($"The folder {path} has no file that can be read.", position);
    }

    /// <summary>Whether a file's type can be read.</summary>
    public static bool Reads(string path) => Find(path) is not null;

    private static RowReader? Find(string path)
    {
        string extension = Path.GetExtension(path).ToLowerInvariant();
        return All.FirstOrDefault(reader => reader.Extensions.Contains(extension));
    }

    private static FineTuneException Unknown(string message, SourcePosition position) => new(
        Codes.UnknownDataType, message, $"Use one of {string.Join(", ", All.SelectMany(reader => reader.Extensions))}, or a folder of them.", position);
}
