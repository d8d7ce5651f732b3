using FineTuneTool.Engine.Training;

namespace FineTuneTool.Engine.Stages;

/// <summary>What fine-tuning with one method takes.</summary>
/// <param name="Method">As in FineTuneMethod.</param>
/// <param name="TrainedParameters">Numbers that training changes.</param>
/// <param name="WeightBytes">Weights that are not trained.</param>
/// <param name="TrainedBytes">Values, gradients and the optimizer's state.</param>
/// <param name="BatchBytes">Activations and work rows of the largest batch.</param>
/// <param name="PeakBytes">All of it, with the program itself.</param>
/// <param name="Choice">What the run gives in order to keep to the limit.</param>
/// <param name="Fits">Whether it keeps to the limit so.</param>
/// <param name="FlopsPerToken">Floating point operations of a training step for one token.</param>
public sealed record MethodEstimate(
    string Method, long TrainedParameters, long WeightBytes, long TrainedBytes, long BatchBytes, long PeakBytes, MemoryChoice Choice, bool Fits, double FlopsPerToken);
