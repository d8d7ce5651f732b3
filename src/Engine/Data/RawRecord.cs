namespace FineTuneTool.Engine.Data;

/// <summary>A row that was found in a file and may still have to be parsed, which any thread may do.</summary>
public sealed class RawRecord
{
    private readonly RawRow? _row;
    private readonly ReadOnlyMemory<byte> _json;

    public RawRecord(RawRow row) => (_row, File, Line) = (row, row.File, row.Line);

    /// <param name="json">One JSON object in UTF-8, which nobody changes any more.</param>
    /// <param name="line">Line of the file in which it begins.</param>
    public RawRecord(ReadOnlyMemory<byte> json, string file, int line) => (_json, File, Line) = (json, file, line);

    public string File { get; }

    public int Line { get; }

    /// <summary>The record is a whole text file.</summary>
    public bool IsDocument { get; init; }

    /// <exception cref="Diagnostics.FineTuneException">FT0102 with line and column.</exception>
    public RawRow Parse() => _row ?? new RawRow(JsonText.ParseObject(_json.Span, File, Line), File, Line);
}
