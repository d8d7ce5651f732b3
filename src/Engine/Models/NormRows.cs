namespace FineTuneTool.Engine.Models;

/// <summary>What a norm needs for its backward pass, where its input is kept for nothing else.</summary>
/// <param name="Input">(T, C)</param>
/// <param name="InverseRms">(T), or (T, H) for a norm over heads.</param>
internal sealed record NormRows(RowBuffer Input, RowBuffer InverseRms);
