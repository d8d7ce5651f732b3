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
            for (long offset = 0; offset < source.Bytes; offset += PieceBytes)
            {
                backend.WriteBytes(tensor, new ReadOnlySpan<byte>(source.Pointer + offset, (int)Math.Min(PieceBytes, source.Bytes - offset)), offset);
            }
        }
    }

    private static void Copy(Tensor tensor, Stream stream, Backend backend)
    {
        long bytes = tensor.Type.Bytes(tensor.Shape);
        byte[] piece = new byte[Math.Min(PieceBytes, bytes)];
        for (long offset = 0; offset < bytes; offset += piece.Length)
        {
            Span<byte> part = piece.AsSpan(0, (int)Math.Min(piece.Length, bytes - offset));
            backend.ReadBytes(tensor, part, offset);
            stream.Write(part);
        }
    }
}
