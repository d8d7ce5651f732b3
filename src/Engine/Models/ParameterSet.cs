using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// What is trained: every parameter in one flat F32 buffer of values and one of gradients, in a fixed order without gaps,
/// so that clipping, the optimizer and checkpoints treat them as a whole.
/// </summary>
public sealed class ParameterSet : IDisposable
{
    private readonly Backend _backend;

    /// <param name="shapes">Names are distinct; values begin as zeros.</param>
    public ParameterSet(Backend backend, IEnumerable<(string Name, Shape Shape, bool Decays)> shapes)
    {
        _backend = backend;
        var parameters = new List<Parameter>();
        foreach ((string name, Shape shape, bool decays) in shapes)
        {
            parameters.Add(new Parameter(name, shape, Count, decays));
            Count = checked(Count + shape.Count);
        }

        Parameters = parameters;
        Values = backend.Allocate(new Shape(Count));
        Gradients = backend.Allocate(new Shape(Count));
    }

    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Elements of all parameters.</summary>
    public long Count { get; }

    /// <summary>(Count) F32.</summary>
    public Tensor Values { get; }

    /// <summary>(Count) F32: the sum of what every backward pass since <see cref="ZeroGradients"/> added.</summary>
    public Tensor Gradients { get; }

    public Tensor ValueOf(Parameter parameter) => Values.View(parameter.Offset, parameter.Shape);

    public Tensor GradientOf(Parameter parameter) => Gradients.View(parameter.Offset, parameter.Shape);

    public void ZeroGradients() => _backend.Zero(Gradients);

    public void ReadValues(Span<float> values, long offset = 0) => _backend.Read(Values, values, offset);

    public void WriteValues(ReadOnlySpan<float> values, long offset = 0) => _backend.Write(Values, values, offset);

    public void ReadGradients(Span<float> gradients, long offset = 0) => _backend.Read(Gradients, gradients, offset);

    public void Dispose()
    {
        Values.Dispose();
        Gradients.Dispose();
    }
}
