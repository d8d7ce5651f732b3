using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Training.Optimizers;

/// <summary>An optimizer that treats each number alike and keeps one or more numbers for it.</summary>
public abstract class FlatOptimizer : Optimizer
{
    /// <summary>Numbers that are updated at once: what has been paged in for them can go again.</summary>
    private const long PieceElements = 1 << 22;

    private readonly OptimizerMemory _memory;
    private readonly IReadOnlyList<Piece> _pieces;

    /// <param name="updated">Those of the set that are updated; the state covers their numbers.</param>
    /// <param name="names">Of the state's tensors.</param>
    protected FlatOptimizer(
        ParameterSet parameters, IReadOnlyList<Parameter> updated, TrainingSettings settings, OptimizerMemory memory, params IReadOnlyList<string> names)
    {
        _memory = memory;
        var shape = new Shape(updated.Sum(parameter => parameter.Shape.Count));
        State = [.. names.Select(name => new OptimizerState(name, memory.Allocate(shape)))];
        var pieces = new List<Piece>();
        long done = 0;
        foreach (ParameterRun run in ParameterRun.Of(updated, settings))
        {
            for (long start = 0; start < run.Count; start += PieceElements)
            {
                var piece = new Shape(Math.Min(PieceElements, run.Count - start));
                pieces.Add(new Piece(
                    parameters.Values.View(run.Offset + start, piece), parameters.Gradients.View(run.Offset + start, piece),
                    [.. State.Select(state => state.Tensor.View(done, piece))], run.Decays ? settings.WeightDecay : 0, run.RateFactor));
                done += piece.Count;
            }
        }

        _pieces = pieces;
    }

    public override IReadOnlyList<OptimizerState> State { get; }

    public override void Update(double learningRate, long step)
    {
        foreach (Piece piece in _pieces)
        {
            Update(piece.Values, piece.Gradients, piece.State, learningRate * piece.RateFactor, piece.Decay, step);
            _memory.Rest(piece.State);
        }
    }

    public override void Dispose()
    {
        foreach (OptimizerState state in State)
        {
            state.Tensor.Dispose();
        }
    }

    /// <summary>One update of numbers with one rate and one decay.</summary>
    protected abstract void Update(Tensor values, Tensor gradients, Tensor[] state, double learningRate, double weightDecay, long step);

    private sealed record Piece(Tensor Values, Tensor Gradients, Tensor[] State, double Decay, double RateFactor);
}
