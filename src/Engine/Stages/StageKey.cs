using System.Security.Cryptography;
using System.Text;

namespace FineTuneTool.Engine.Stages;

/// <summary>One thing a stage's result depends on, in words a person understands: <c>LearningRate</c> = <c>0.0001</c>.</summary>
public sealed record KeyLine(string Label, string Value);

/// <summary>
/// Everything a stage's result depends on, as labelled lines; their SHA-256 names the stage's folder.
/// </summary>
public sealed class StageKey
{
    /// <summary>Raised when the same inputs would give another result or another layout on disk.</summary>
    public const int FormatVersion = 2;

    public StageKey(string stage, IEnumerable<KeyLine> lines)
    {
        Lines = [new KeyLine("stage", stage), new KeyLine("format", FormatVersion.ToString(System.Globalization.CultureInfo.InvariantCulture)), .. lines];
        var text = new StringBuilder();
        foreach (KeyLine line in Lines)
        {
            // Lengths keep a value with a line break from posing as another line.
            text.Append(line.Label.Length).Append(':').Append(line.Label).Append('=').Append(line.Value.Length).Append(':').Append(line.Value).Append('\n');
        }

        Hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    public IReadOnlyList<KeyLine> Lines { get; }

    /// <summary>64 hexadecimal digits.</summary>
    public string Hash { get; }

    /// <summary>Name of the folder: the first 16 digits, which is short enough for paths and long enough never to meet twice.</summary>
    public string FolderName => Hash[..16];

    /// <summary>What differs from an earlier key, such as <c>LearningRate 0.0001 → 0.0003</c>; at most <paramref name="limit"/> entries and a count of the rest.</summary>
    public string ChangesSince(IReadOnlyList<KeyLine> earlier, int limit = 3)
    {
        Dictionary<string, string> before = [], now = [];
        foreach (KeyLine line in earlier)
        {
            before[line.Label] = line.Value;
        }

        foreach (KeyLine line in Lines)
        {
            now[line.Label] = line.Value;
        }

        List<string> changes = [];
        foreach (string label in now.Keys.Union(before.Keys))
        {
            string? was = before.GetValueOrDefault(label), value = now.GetValueOrDefault(label);
            if (was != value)
            {
                changes.Add($"{label} {Short(was)} → {Short(value)}");
            }
        }

        string text = string.Join(", ", changes.Take(limit));
        return changes.Count > limit ? $"{text} and {changes.Count - limit} more" : text;
    }

    private static string Short(string? value) => value switch
    {
        null => "(none)",
        "" => "(empty)",
        { Length: 64 } when value.All(char.IsAsciiHexDigitLower) => value[..8],
        { Length: > 60 } => value[..57] + "…",
        _ => value,
    };
}
