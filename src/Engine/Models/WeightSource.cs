using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// Gives the tensors of a model by their Hugging Face names and in Hugging Face's layout, each checked against the shape that the model needs.
/// </summary>
/// <param name="initial">What a model whose files hold no weights begins with.</param>
internal sealed unsafe class WeightSource(ModelFiles files, ModelFamily family, DecoderSpec spec, Backend backend, InitialWeights? initial)
{
    private readonly GgufTensorNames _names = new(spec);

    /// <summary>Null where the files hold the weights.</summary>
    private readonly InitialWeights? _initial = files.HasWeights ? null : initial ?? throw InitialWeights.Missing(files);

    /// <summary>
    /// A matrix in its own storage or, in Hugging Face's layout, in another. With <paramref name="rotaryHeads"/> its rows are those of so many turned heads.
    /// </summary>
    public Weight Matrix(string name, long rows, long columns, int rotaryHeads = 0, WeightStorage? storage = null)
    {
        if (_initial is not null)
        {
            return _initial.Matrix(files, name, new Shape(rows, columns), backend);
        }

        StoredTensor stored = Find(name, new Shape(rows, columns)), ordered = Ordered(stored, rotaryHeads);
        StoredTensor held = storage is null ? ordered : WeightConverter.Convert(ordered, storage, backend.Threads);
        if (held != ordered)
        {
            (ordered.Owner as NativeBuffer)?.Dispose();
        }

        if (held != stored)
        {
            (stored.Owner as MappedFile)?.Forget(stored.Pointer, stored.Bytes);
        }

        return new Weight(name, backend.Load(held), held.Owner as NativeBuffer);
    }

    /// <summary>A bias, widened to F32.</summary>
    public Weight Bias(string name, long length, int rotaryHeads = 0) =>
        _initial is not null ? InitialWeights.Constant(name, new Shape(length), 0, backend) : Vector(name, length, rotaryHeads);

    /// <summary>A vector, widened to F32.</summary>
    private Weight Vector(string name, long length, int rotaryHeads = 0)
    {
        StoredTensor stored = Ordered(Find(name, new Shape(length)), rotaryHeads);
        if (stored.Type == ElementType.F32)
        {
            return new Weight(name, backend.Load(stored));
        }

        return new Weight(name, backend.Load(StoredTensor.FromFloats(name, stored.Shape, Numbers(stored))));
    }

    /// <summary>The weight of a norm: GGUF files hold it with the offset of the family added.</summary>
    public Weight Norm(string name, long length)
    {
        if (_initial is not null)
        {
            return InitialWeights.Constant(name, new Shape(length), 1 - spec.RmsNormOffset, backend);
        }

        if (files is not GgufModelFiles || spec.RmsNormOffset == 0)
        {
            return Vector(name, length);
        }

        StoredTensor stored = Find(name, new Shape(length));
        float[] values = [.. Numbers(stored).Select(value => value - spec.RmsNormOffset)];
        return new Weight(name, backend.Load(StoredTensor.FromFloats(name, stored.Shape, values)));
    }

    internal static FineTuneException Wrong(StoredTensor stored, Shape expected, string? path) => new(
        Codes.WrongShape, $"The tensor '{stored.Name}' has the shape {stored.Shape}, but the configuration asks for {expected}.",
        "Use the configuration and the weights of the same model.", new SourcePosition(path));

    /// <summary>With the rows of turned heads in Hugging Face's order: the tensor itself, or a copy.</summary>
    private StoredTensor Ordered(StoredTensor stored, int rotaryHeads) =>
        files is GgufModelFiles && rotaryHeads > 0 && family.GgufInterleavesRotaryRows ? RotaryRows.ToHalves(stored, rotaryHeads) : stored;

    private float[] Numbers(StoredTensor stored)
    {
        float[] values = new float[stored.Shape.Count];
        using Tensor loaded = backend.Load(stored);
        backend.Read(loaded, values);
        return values;
    }

    private StoredTensor Find(string name, Shape shape)
    {
        string stored = files is GgufModelFiles ? _names.ToGguf(name) ?? name : name;
        StoredTensor tensor = BitsAndBytesWeights.Find(files.Tensors, stored, files.Path) ?? files.Find(stored) ?? throw new FineTuneException(
            Codes.MissingTensor, $"The model has no tensor '{stored}'{(stored == name ? "" : $" ({name})")}.",
            "Check that the files are complete and that the configuration is that of these weights.", new SourcePosition(files.Path));
        if (!tensor.Shape.Equals(shape))
        {
            throw Wrong(tensor, shape, files.Path);
        }

        if (!tensor.Type.IsQuantized() && tensor.Type is not (ElementType.F32 or ElementType.F16 or ElementType.BF16))
        {
            throw new FineTuneException(
                Codes.UnsupportedTensorType, $"The tensor '{stored}' has elements of {tensor.Type}, which is no type of weights.",
                "Save the model as F32, F16 or BF16, or as a GGUF file.", new SourcePosition(files.Path));
        }

        return tensor;
    }
}
