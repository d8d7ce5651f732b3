using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Batches;

/// <summary>
/// The rows that are left out: counted by reason, and listed one a line in a file of JSON lines with reason, file and line, and for
/// a row that is like another the file and line of that one.
/// </summary>
internal sealed class DroppedRows(string path) : IDisposable
{
    private readonly FileStream _stream = new(path, FileMode.Create, FileAccess.Write, FileShare.Read, 1 << 16);
    private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);

    /// <summary>Rows by reason.</summary>
    public IReadOnlyDictionary<string, int> Counts => _counts;

    public int Of(string reason) => _counts.GetValueOrDefault(reason);

    public void Add(string reason, SourcePosition place, SourcePosition? like = null)
    {
        _counts[reason] = Of(reason) + 1;
        using var line = new MemoryStream();
        using (var json = new Utf8JsonWriter(line, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("reason", reason);
            Place(json, place);
            if (like is { } other)
            {
                json.WriteStartObject("like");
                Place(json, other);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        line.WriteByte((byte)'\n');
        WriteFailure.Guard(path, () => line.WriteTo(_stream));
    }

    public void Dispose() => _stream.Dispose();

    private static void Place(Utf8JsonWriter json, SourcePosition place)
    {
        json.WriteString("file", place.File);
        json.WriteNumber("line", place.Line);
    }
}
