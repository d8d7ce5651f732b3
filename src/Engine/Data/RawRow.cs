using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Data;

/// <summary>A row as it stands in a file: its columns and its place. Every later diagnostic about the row names that place.</summary>
public sealed record RawRow(JsonObject Values, string File, int Line)
{
    public SourcePosition Position => new(File, Line);
}
