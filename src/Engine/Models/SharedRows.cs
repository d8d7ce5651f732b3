using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>Scratch rows that the branches of one adapter use in turn, by what they are for and how wide they are.</summary>
internal sealed class SharedRows(Backend backend) : IDisposable
{
    /// <summary>Gradients of low-rank products.</summary>
    public const int Products = 0;

    /// <summary>Outputs of a layer before they are scaled, and their gradients.</summary>
    public const int Outputs = 1, OutputGradients = 2;

    /// <summary>Low-rank products of what a branch takes off, and their gradients.</summary>
    public const int Starts = 5;

    /// <summary>Inputs of a layer as the branch sees them, and gradients of inputs.</summary>
    public const int Inputs = 3, InputGradients = 4;

    private readonly Dictionary<(int Use, long Columns, ElementType Type), RowBuffer> _buffers = [];

    /// <summary>Bytes for each token of a training step.</summary>
    public long BytesPerToken => _buffers.Where(buffer => buffer.Key.Type == backend.ActivationType).Sum(buffer => buffer.Value.BytesPerRow);

    /// <summary>The rows of one use; memory is taken when they are.</summary>
    public RowBuffer Of(int use, long columns, ElementType type)
    {
        if (!_buffers.TryGetValue((use, columns, type), out RowBuffer? buffer))
        {
            _buffers[(use, columns, type)] = buffer = new RowBuffer(backend, columns, type);
        }

        return buffer;
    }

    public void Dispose()
    {
        foreach (RowBuffer buffer in _buffers.Values)
        {
            buffer.Dispose();
        }
    }
}
