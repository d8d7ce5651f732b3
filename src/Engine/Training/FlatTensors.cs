using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Training;

/// <summary>
/// Flat tensors of a backend (F32 or U8) as a safetensors file, copied piece by piece: buffers of full fine-tuning are too large to have twice.
/// </summary>
internal static class FlatTensors
{
    private const int PieceBytes = 4 << 20;

    public static void Write(string path, IEnumerable<(string Name, Tensor Tensor)> tensors, Backend backend) =>
        SafetensorsWriter.Write(path, tensors.Select(tensor =>
            new TensorSource(tensor.Name, tensor.Tensor.Type, tensor.Tensor.Shape, stream => Copy(tensor.Tensor, stream, backend))));

    /// <summary>Fills the tensors from the file.</summary>
    /// <exception cref="FineTuneException">The file is not such a file, or lacks a tensor of the same type and length.</exception>
    public static unsafe void Read(string path, IReadOnlyList<(string Name, Tensor Tensor)> tensors, Backend backend)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Dictionary<string, StoredTensor> stored = file.Tensors.ToDictionary(tensor => tensor.Name);
        foreach ((string name, Tensor tensor) in tensors)
        {
            if (!stored.TryGetValue(name, out StoredTensor? source) || source.Type != tensor.Type || source.Shape.Count != tensor.Shape.Count)
            {
                throw new FineTuneException(Codes.MissingTensor, $"{name} of {tensor.Shape.Count} {tensor.Type} elements is missing.",
                    "Use the checkpoint with the settings it was made with.", new SourcePosition(path));
            }
        }

        foreach ((string name, Tensor tensor) in tensors)
        {
            StoredTensor source = stored[name];
            foreach ((Tensor piece, long offset, int bytes) in Pieces(tensor))
            {
                backend.WriteBytes(piece, new ReadOnlySpan<byte>(source.Pointer + offset, bytes));
                backend.PageOut(piece);
            }
        }
    }

    private static void Copy(Tensor tensor, Stream stream, Backend backend)
    {
        byte[] copy = new byte[Math.Min(PieceBytes, tensor.Type.Bytes(tensor.Shape))];
        foreach ((Tensor piece, _, int bytes) in Pieces(tensor))
        {
            backend.ReadBytes(piece, copy.AsSpan(0, bytes));
            backend.PageOut(piece);
            stream.Write(copy, 0, bytes);
        }
    }

    /// <summary>Views of a tensor one after another, with their first byte and their length.</summary>
    private static IEnumerable<(Tensor Piece, long Offset, int Bytes)> Pieces(Tensor tensor)
    {
        int elementBytes = tensor.Type.BlockBytes();
        long elements = PieceBytes / elementBytes;
        for (long first = 0; first < tensor.Shape.Count; first += elements)
        {
            long count = Math.Min(elements, tensor.Shape.Count - first);
            yield return (tensor.View(first, new Shape(count)), first * elementBytes, (int)count * elementBytes);
        }
    }
}
