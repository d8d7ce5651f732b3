using System.Buffers;
using System.Runtime.InteropServices;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>The tensors of an adapter in the flat buffers that training uses, by their names in the file.</summary>
internal sealed class AdapterParameters : IDisposable
{
    /// <summary>Elements that are copied at the same time.</summary>
    private const int PieceElements = 1 << 14;

    private readonly Backend _backend;
    private readonly ParameterSet _values;
    private readonly bool _trainable;
    private readonly Dictionary<string, (AdapterTensor Tensor, Parameter Parameter)> _byName;

    public AdapterParameters(Backend backend, IReadOnlyList<AdapterTensor> tensors, bool trainable)
    {
        (_backend, _trainable) = (backend, trainable);
        _values = new ParameterSet(backend, tensors.Select(tensor => (tensor.Name, tensor.MemoryShape, tensor.Decays)));
        _byName = tensors.Zip(_values.Parameters).ToDictionary(pair => pair.First.Name, StringComparer.Ordinal);
    }

    /// <summary>Null where the adapter is frozen.</summary>
    public ParameterSet? Trainable => _trainable ? _values : null;

    /// <summary>The values of a tensor in memory's shape.</summary>
    public Tensor Value(string name) => _values.ValueOf(_byName[name].Parameter);

    /// <summary>Where its gradient is added; null where the adapter is frozen.</summary>
    public Tensor? Gradient(string name) => _trainable ? _values.GradientOf(_byName[name].Parameter) : null;

    /// <summary>Sets a tensor; values are in the order of memory.</summary>
    public void Write(string name, ReadOnlySpan<float> values) => _values.WriteValues(values, _byName[name].Parameter.Offset);

    /// <summary>Takes all values from the file, whose tensors were checked.</summary>
    public void Read(PeftAdapter files)
    {
        foreach ((AdapterTensor tensor, Parameter parameter) in _byName.Values)
        {
            using Tensor stored = _backend.Load(files.Tensors.Find(tensor.Name)!);
            if (tensor.Width == 0)
            {
                using Tensor target = _values.ValueOf(parameter);
                WeightReader.Widen(_backend, stored, target);
            }
            else
            {
                float[] values = new float[tensor.Shape.Count];
                _backend.Read(stored, values);
                _values.WriteValues(tensor.ToMemory(values), parameter.Offset);
            }
        }
    }

    /// <summary>Every tensor, F32, as the file has it, copied when it is written.</summary>
    public IReadOnlyList<TensorSource> ToTensors() =>
    [
        .. _byName.Values.Select(pair => new TensorSource(pair.Tensor.Name, ElementType.F32, pair.Tensor.Shape, stream => Copy(pair.Tensor, pair.Parameter, stream))),
    ];

    public void Dispose() => _values.Dispose();

    private void Copy(AdapterTensor tensor, Parameter parameter, Stream stream)
    {
        if (tensor.Width > 0)
        {
            float[] values = new float[tensor.Shape.Count];
            _values.ReadValues(values, parameter.Offset);
            stream.Write(MemoryMarshal.AsBytes<float>(tensor.ToFile(values)));
            return;
        }

        float[] piece = ArrayPool<float>.Shared.Rent(PieceElements);
        for (long done = 0; done < parameter.Shape.Count; done += PieceElements)
        {
            Span<float> values = piece.AsSpan(0, (int)Math.Min(PieceElements, parameter.Shape.Count - done));
            _values.ReadValues(values, parameter.Offset + done);
            stream.Write(MemoryMarshal.AsBytes(values));
        }

        ArrayPool<float>.Shared.Return(piece);
    }
}
