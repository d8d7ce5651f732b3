using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Data;

/// <summary>The part of a data set that a row belongs to.</summary>
public enum Split
{
    Train,
    Validation,
    Test,
}

/// <summary>A data file of a project, a folder of them or a data set of the Hub, and how to read it.</summary>
/// <param name="Format">A name of <see cref="RowFormats.All"/>, or null to decide by the first row.</param>
/// <param name="Split">The part that all its rows belong to; null = cut by the ratios.</param>
/// <param name="Columns">Renames: wanted column → column of the file.</param>
/// <param name="Limit">Most rows to take; 0 = all.</param>
/// <param name="Position">Where the project names it.</param>
public sealed record DataSource(
    string Path, string? Format, Split? Split, IReadOnlyDictionary<string, string> Columns, int Limit, SourcePosition Position)
{
    private const double MostWeight = 1000;

    private static readonly string[] KnownMetadata = ["Format", "Split", "Columns", "Limit", "Weight"];

    /// <summary>What the project calls the file or folder.</summary>
    public string Name { get; init; } = Path;

    /// <summary>How often an epoch takes each training row: 2 = twice, 0.25 = a quarter of the rows.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>What to call a file of the source in reports, by the name that the project gives the source.</summary>
    public string NameOf(string file)
    {
        if (file == Path)
        {
            return Name;
        }

        string folder = HubDataset.IsNamed(Path) ? HubDataset.Snapshot(Path, Position) : Path;
        return $"{Name.TrimEnd('/', '\\')}/{System.IO.Path.GetRelativePath(folder, file).Replace(System.IO.Path.DirectorySeparatorChar, '/')}";
    }

    /// <summary>The item types of a project that name data, and the split that each stands for.</summary>
    public static IReadOnlyDictionary<string, Split?> ItemTypes { get; } = new Dictionary<string, Split?>
    {
        ["TrainingData"] = null,
        ["EvaluationData"] = Data.Split.Validation,
        ["TestData"] = Data.Split.Test,
    };

    /// <exception cref="FineTuneException">FT0001 for metadata that is wrong, FT0101 for a file that does not exist.</exception>
    public static DataSource From(ProjectItem item)
    {
        var position = new SourcePosition(item.File, item.Line, item.Column);
        string path = item.FullPath ?? item.Include;
        if (!HubDataset.IsNamed(path) && !File.Exists(path) && !Directory.Exists(path))
        {
            throw new FineTuneException(Codes.DataFileMissing, $"The data file or folder {item.Include} does not exist.", $"Looked for {path}. Correct the Include of {item.Type}.", position);
        }

        if (item.Metadata.FirstOrDefault(metadata => !KnownMetadata.Contains(metadata.Key) && metadata.Value.Length > 0) is { Key: not null } unknown)
        {
            throw Bad($"{item.Type} has no metadata {unknown.Key}.", $"Known are {string.Join(", ", KnownMetadata)}.", position);
        }

        return new DataSource(path, FormatOf(item, position), SplitOf(item, position), ColumnsOf(item, position), LimitOf(item, position), position)
        {
            Name = item.Include,
            Weight = WeightOf(item, position),
        };
    }

    private static string? FormatOf(ProjectItem item, SourcePosition position)
    {
        string? format = item.Get("Format")?.ToLowerInvariant();
        if (format is null or "auto")
        {
            return null;
        }

        return RowFormats.Find(format) is not null ? format : throw Bad(
            $"Format is \"{format}\"", $"but must be auto or one of {string.Join(", ", RowFormats.All.Select(known => known.Name))}.", position);
    }

    private static Split? SplitOf(ProjectItem item, SourcePosition position) => item.Get("Split")?.ToLowerInvariant() switch
    {
        null => ItemTypes[item.Type],
        "train" => Data.Split.Train,
        "validation" => Data.Split.Validation,
        "test" => Data.Split.Test,
        string other => throw Bad($"Split is \"{other}\"", "but must be train, validation or test.", position),
    };

    private static Dictionary<string, string> ColumnsOf(ProjectItem item, SourcePosition position)
    {
        var columns = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string part in (item.Get("Columns") ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            string[] sides = part.Split('=', StringSplitOptions.TrimEntries);
            if (sides.Length != 2 || sides.Contains("") || !columns.TryAdd(sides[0], sides[1]))
            {
                throw Bad($"Columns is \"{item.Get("Columns")}\"", "but must be renames such as instruction=question;output=answer.", position);
            }
        }

        return columns;
    }

    private static int LimitOf(ProjectItem item, SourcePosition position) => item.Get("Limit") is not string text ? 0
        : SettingNumbers.Integer(text) is long limit and > 0 and <= int.MaxValue ? (int)limit
        : throw Bad($"Limit is \"{text}\"", "but must be a whole number above 0.", position);

    private static double WeightOf(ProjectItem item, SourcePosition position) => item.Get("Weight") is not string text ? 1
        : SettingNumbers.Number(text) is double weight and > 0 and <= MostWeight ? weight
        : throw Bad($"Weight is \"{text}\"", $"but must be a number above 0 and at most {MostWeight}.", position);

    private static FineTuneException Bad(string message, string remedy, SourcePosition position) => new(Codes.BadSetting, message, remedy, position);
}
