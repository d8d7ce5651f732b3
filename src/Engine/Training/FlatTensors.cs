using System.Runtime.InteropServices;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Training;

/// <summary>
/// Flat F32 tensors of a backend as a safetensors file, copied piece by piece: buffers of full fine-tuning are too large to have twice.
/// </summary>
internal static class FlatTensors
{
    private const int PieceElements = 1 << 20;

    public static void Write(string path, IEnumerable<(string Name, Tensor Tensor)> tensors, Backend backend) =>
        SafetensorsWriter.Write(path, tensors.Select(tensor =>
            new TensorSource(tensor.Name, ElementType.F32, tensor.Tensor.Shape, stream => Copy(tensor.Tensor, stream, backend))));

    /// <summary>Fills the tensors from the file.</summary>
    /// <exception cref="FineTuneException">The file is not such a file, or lacks a tensor of the same length.</exception>
    public static unsafe void Read(string path, IReadOnlyList<(string Name, Tensor Tensor)> tensors, Backend backend)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Dictionary<string, StoredTensor> stored = file.Tensors.ToDictionary(tensor => tensor.Name);
        foreach ((string name, Tensor tensor) in tensors)
        {
            if (!stored.TryGetValue(name, out StoredTensor? source) || source.Type != ElementType.F32 || source.Shape.Count != tensor.Shape.Count)
            {
                throw new FineTuneException(Codes.MissingTensor, $"{name} of {tensor.Shape.Count} F32 elements is missing.",
                    "Use the checkpoint with the settings it was made with.", new SourcePosition(path));
            }
        }

        foreach ((string name, Tensor tensor) in tensors)
        {
            float* source = (float*)stored[name].Pointer;
            for (long offset = 0; offset < tensor.Shape.Count; offset += PieceElements)
            {
                backend.Write(tensor, new ReadOnlySpan<float>(source + offset, (int)Math.Min(PieceElements, tensor.Shape.Count - offset)), offset);
            }
        }
    }

    private static void Copy(Tensor tensor, Stream stream, Backend backend)
    {
        float[] piece = new float[Math.Min(PieceElements, tensor.Shape.Count)];
        for (long offset = 0; offset < tensor.Shape.Count; offset += PieceElements)
        {
            Span<float> values = piece.AsSpan(0, (int)Math.Min(PieceElements, tensor.Shape.Count - offset));
            backend.Read(tensor, values, offset);
            stream.Write(MemoryMarshal.AsBytes(values));
        }
    }
}
