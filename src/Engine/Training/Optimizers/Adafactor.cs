using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Training.Optimizers;

/// <summary>
/// Adafactor (Shazeer and Stern 2018) at the schedule's rate, as transformers' trainer sets it up: of a matrix's second moments only means of rows and
/// columns are kept, and there is no first moment.
/// </summary>
public sealed class Adafactor : Optimizer
{
    private readonly Backend _backend;
    private readonly Tensor _squares;
    private readonly IReadOnlyList<Part> _parts;

    public Adafactor(Backend backend, ParameterSet parameters, TrainingSettings settings, OptimizerMemory memory)
    {
        _backend = backend;
        _squares = memory.Allocate(new Shape(parameters.Parameters.Sum(StateElements)));
        var parts = new List<Part>();
        long done = 0;
        foreach (Parameter parameter in parameters.Parameters)
        {
            Shape shape = parameter.Shape;
            bool factored = shape.Rank > 1;
            parts.Add(new Part(
                parameters.ValueOf(parameter), parameters.GradientOf(parameter), _squares.View(done, new Shape(shape.Rank > 1 ? shape.Rows : shape.Count)),
                factored ? _squares.View(done + shape.Rows, new Shape(shape.Columns)) : null,
                parameter.Decays ? settings.WeightDecay : 0, LoraPlus.RateFactor(parameter, settings)));
            done += StateElements(parameter);
        }

        _parts = parts;
    }

    public override IReadOnlyList<OptimizerState> State => [new("squares", _squares)];

    /// <summary>Bytes of the state of a set.</summary>
    public static long StateBytes(ParameterSet parameters) => sizeof(float) * parameters.Parameters.Sum(StateElements);

    public override void Update(double learningRate, long step)
    {
        foreach (Part part in _parts)
        {
            _backend.Adafactor(
                part.Values, part.Gradients, part.Rows, part.Columns, new AdafactorStep(learningRate * part.RateFactor, part.Decay, step));
        }
    }

    public override void Dispose() => _squares.Dispose();

    private static long StateElements(Parameter parameter) =>
        parameter.Shape.Rank > 1 ? parameter.Shape.Rows + parameter.Shape.Columns : parameter.Shape.Count;

    private sealed record Part(Tensor Values, Tensor Gradients, Tensor Rows, Tensor? Columns, double Decay, double RateFactor);
}
