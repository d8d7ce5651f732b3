using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// One tensor of the base model under its Hugging Face name: frozen in the storage it was loaded with, or an F32 view into a
/// <see cref="ParameterSet"/> once it is trained. A tied matrix is one weight with two users.
/// </summary>
/// <param name="memory">What holds the numbers of <paramref name="value"/>, where nothing else disposes it.</param>
public sealed class Weight(string name, Tensor value, IDisposable? memory = null) : IDisposable
{
    private IDisposable? _memory = memory;

    public string Name { get; } = name;

    public Shape Shape => Value.Shape;

    public Tensor Value { get; private set; } = value;

    /// <summary>Where backward passes add; null while frozen.</summary>
    public Tensor? Gradient { get; private set; }

    /// <summary>Matrices decay; biases and norms, the only vectors, do not.</summary>
    public bool Decays => Shape.Rank > 1;

    internal bool Trains => Gradient is not null;

    internal void Train(Tensor value, Tensor gradient)
    {
        Dispose();
        Value = value;
        Gradient = gradient;
    }

    public void Dispose()
    {
        Value.Dispose();
        _memory?.Dispose();
        _memory = null;
    }
}
