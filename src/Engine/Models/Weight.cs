using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// One tensor of the base model under its Hugging Face name: frozen in the storage it was loaded with, or an F32 view into a
/// <see cref="ParameterSet"/> once it is trained. An adapter may lay numbers of its own over it.
/// </summary>
/// <param name="memory">What holds the numbers of <paramref name="value"/>, where nothing else disposes it.</param>
public sealed class Weight(string name, Tensor value, IDisposable? memory = null) : IDisposable
{
    private readonly Weight? _tied;
    private IDisposable? _memory = memory;
    private Tensor? _gradient;
    private Replacement? _replacement;

    private Weight(string name, Weight tied)
        : this(name, tied.Base) => _tied = tied;

    public string Name { get; } = name;

    public Shape Shape => Base.Shape;

    /// <summary>The model's own numbers, whatever an adapter lays over them.</summary>
    public Tensor Base
    {
        get => _tied is null ? field : _tied.Base;
        private set;
    } = value;

    /// <summary>The numbers that count now.</summary>
    public Tensor Value => _replacement?.Value ?? Base;

    /// <summary>Where backward passes add; null while frozen.</summary>
    public Tensor? Gradient => _replacement is { } replacement ? replacement.Gradient : (_tied ?? this)._gradient;

    /// <summary>Matrices decay; biases and norms, the only vectors, do not.</summary>
    public bool Decays => Shape.Rank > 1;

    /// <summary>The numbers are those of another weight, as in the output head of a tied model.</summary>
    public bool IsTied => _tied is not null;

    internal bool Trains => Gradient is not null;

    /// <summary>Another use of the numbers of a weight, which an adapter may replace alone.</summary>
    internal static Weight TiedTo(Weight weight, string name) => new(name, weight);

    internal void Train(Tensor value, Tensor gradient)
    {
        Dispose();
        Base = value;
        _gradient = gradient;
    }

    /// <summary>Lays other numbers of the same shape over the model's own; null takes them away.</summary>
    internal void Replace(Replacement? replacement) => _replacement = replacement;

    public void Dispose()
    {
        if (_tied is null)
        {
            Base.Dispose();
        }

        _memory?.Dispose();
        _memory = null;
    }
}

/// <summary>Numbers, F32, that an adapter lays over those of a weight, and where their gradient goes; null while frozen.</summary>
public sealed record Replacement(Tensor Value, Tensor? Gradient);
