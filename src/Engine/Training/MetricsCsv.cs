using System.Globalization;
using System.Text;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Training;

/// <summary>
/// metrics.csv: a header and a line for each logged step or evaluation; numbers in the shortest text that gives the same double.
/// Each line is on disk when <see cref="Append"/> returns. Others may read the file meanwhile.
/// </summary>
public sealed class MetricsCsv : IDisposable
{
    public const string FileName = "metrics.csv";

    private readonly FileStream _stream;

    private MetricsCsv(FileStream stream) => _stream = stream;

    public static IReadOnlyList<string> Columns { get; } =
        ["step", "epoch", "loss", "eval_loss", "learning_rate", "grad_norm", "tokens", "tokens_per_second", "token_accuracy"];

    private static string Header => string.Join(',', Columns);

    /// <summary>Opens or makes the file; lines after step <paramref name="lastStep"/>, which a resumed run will write again, and a half-written one are cut off.</summary>
    public static MetricsCsv Open(string path, long lastStep)
    {
        string text = string.Concat(new[] { Header }.Concat(Lines(path).Where(line => StepOf(line) is long step && step <= lastStep)).Select(line => line + "\n"));
        AtomicFile.WriteText(path, text);
        return new MetricsCsv(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read | FileShare.Delete));
    }

    public void Append(MetricsRow row)
    {
        _stream.Write(Encoding.UTF8.GetBytes(string.Join(',', row.Cells.Select(cell => cell?.ToString("R", CultureInfo.InvariantCulture))) + "\n"));
        _stream.Flush(flushToDisk: true);
    }

    /// <summary>All complete lines; lines that are no metrics are left out.</summary>
    public static IReadOnlyList<MetricsRow> Read(string path) => [.. Lines(path).Select(Parse).OfType<MetricsRow>()];

    public void Dispose() => _stream.Dispose();

    /// <summary>The lines after the header that end in a line feed; none where the header is another one.</summary>
    private static string[] Lines(string path)
    {
        string[] lines = File.Exists(path) ? File.ReadAllText(path).Split('\n') : [];
        return lines.Length > 0 && lines[0].TrimEnd('\r') == Header ? lines[1..^1] : [];
    }

    private static long? StepOf(string line) =>
        long.TryParse(line.Split(',')[0], NumberStyles.None, CultureInfo.InvariantCulture, out long step) ? step : null;

    private static MetricsRow? Parse(string line)
    {
        string[] cells = line.TrimEnd('\r').Split(',');
        double?[] values = [.. cells.Select(cell => double.TryParse(cell, CultureInfo.InvariantCulture, out double value) ? value : (double?)null)];
        return cells.Length == Columns.Count && StepOf(line) is long step && values[1] is double epoch && values[6] is double tokens
            ? new MetricsRow(step, epoch, values[2], values[3], values[4], values[5], (long)tokens, values[7], values[8])
            : null;
    }
}
