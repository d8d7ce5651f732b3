using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Exports;

/// <summary>What a merged folder shall hold.</summary>
/// <param name="Type">Storage of all weights: BF16, F16 or F32.</param>
/// <param name="MaxShardBytes">Above this the weights are cut into several files with an index.</param>
/// <param name="Format">How the model is asked and where it stops; null as its base.</param>
public sealed record MergedFolderSettings(ElementType Type = ElementType.BF16, long MaxShardBytes = 5_000_000_000, AnswerFormat? Format = null);
