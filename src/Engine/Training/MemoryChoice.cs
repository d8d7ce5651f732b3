namespace FineTuneTool.Engine.Training;

/// <summary>What a run gives for memory.</summary>
/// <param name="CheckpointedLayers">Time: layers whose activations are computed again. No number changes.</param>
/// <param name="MicroBatchSize">Rows of one forward pass. Sums are rounded otherwise and dropout falls elsewhere.</param>
/// <param name="PagesState">Time: the optimizer's state lies in a file. No number changes.</param>
public readonly record struct MemoryChoice(int CheckpointedLayers, int MicroBatchSize, bool PagesState = false);
