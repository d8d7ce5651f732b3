using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Training.Optimizers;

/// <summary>
/// AdamW whose moments take 8 bits (<see cref="Backend.AdamW8Bit"/>). As in bitsandbytes and transformers, parameters of fewer than 4096 numbers and
/// embeddings keep F32 moments.
/// </summary>
public sealed class AdamW8Bit : Optimizer
{
    private const int LeastElements = 4096, BlockElements = 256;

    private readonly Backend _backend;
    private readonly TrainingSettings _settings;
    private readonly OptimizerMemory _memory;
    private readonly AdamW _small;
    private readonly Tensor _firstCodes, _firstScales, _secondCodes, _secondScales;
    private readonly IReadOnlyList<Part> _parts;

    public AdamW8Bit(Backend backend, ParameterSet parameters, TrainingSettings settings, OptimizerMemory memory)
    {
        (_backend, _settings, _memory) = (backend, settings, memory);
        Parameter[] large = [.. parameters.Parameters.Where(IsLarge)];
        _small = new AdamW(backend, parameters, settings, memory, [.. parameters.Parameters.Where(parameter => !IsLarge(parameter))]);
        Shape codes = new(large.Sum(parameter => parameter.Shape.Count)), scales = new(large.Sum(Blocks));
        (_firstCodes, _firstScales) = (memory.Allocate(codes, ElementType.U8), memory.Allocate(scales));
        (_secondCodes, _secondScales) = (memory.Allocate(codes, ElementType.U8), memory.Allocate(scales));
        var parts = new List<Part>();
        long codesDone = 0, scalesDone = 0;
        foreach (Parameter parameter in large)
        {
            Shape count = new(parameter.Shape.Count), blocks = new(Blocks(parameter));
            parts.Add(new Part(
                parameters.Values.View(parameter.Offset, count), parameters.Gradients.View(parameter.Offset, count),
                _firstCodes.View(codesDone, count), _firstScales.View(scalesDone, blocks), _secondCodes.View(codesDone, count),
                _secondScales.View(scalesDone, blocks), parameter.Decays ? settings.WeightDecay : 0, LoraPlus.RateFactor(parameter, settings)));
            codesDone += count.Count;
            scalesDone += blocks.Count;
        }

        _parts = parts;
    }

    public override IReadOnlyList<OptimizerState> State =>
    [
        .. _small.State, new("first_codes", _firstCodes), new("first_scales", _firstScales), new("second_codes", _secondCodes),
        new("second_scales", _secondScales),
    ];

    /// <summary>Bytes of the state of a set.</summary>
    public static long StateBytes(ParameterSet parameters) => parameters.Parameters.Sum(
        parameter => IsLarge(parameter) ? 2 * (parameter.Shape.Count + sizeof(float) * Blocks(parameter)) : 2 * sizeof(float) * parameter.Shape.Count);

    public override void Update(double learningRate, long step)
    {
        _small.Update(learningRate, step);
        foreach (Part part in _parts)
        {
            _backend.AdamW8Bit(
                part.Values, part.Gradients, part.FirstCodes, part.FirstScales, part.SecondCodes, part.SecondScales,
                new AdamWStep(learningRate * part.RateFactor, _settings.AdamBeta1, _settings.AdamBeta2, _settings.AdamEpsilon, part.Decay, step));
            _memory.Rest(part.FirstCodes, part.SecondCodes);
        }
    }

    public override void Dispose()
    {
        _small.Dispose();
        _firstCodes.Dispose();
        _firstScales.Dispose();
        _secondCodes.Dispose();
        _secondScales.Dispose();
    }

    private static bool IsLarge(Parameter parameter) =>
        parameter.Shape.Count >= LeastElements && !parameter.Name.EndsWith("embed_tokens.weight", StringComparison.Ordinal);

    private static long Blocks(Parameter parameter) => (parameter.Shape.Count + BlockElements - 1) / BlockElements;

    private sealed record Part(
        Tensor Values, Tensor Gradients, Tensor FirstCodes, Tensor FirstScales, Tensor SecondCodes, Tensor SecondScales, double Decay, double RateFactor);
}
