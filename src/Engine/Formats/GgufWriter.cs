using System.Runtime.InteropServices;
using System.Text;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Formats;

/// <summary>
/// Writes GGUF files, version 3, little endian; the layout is that of <see cref="GgufReader"/>. Tensors are produced one after another, in the given
/// order, each padded with zeros to <c>general.alignment</c> (32 where the metadata does not say). The file appears atomically.
/// </summary>
public static class GgufWriter
{
    /// <summary>The longest name of a tensor that llama.cpp reads, in bytes.</summary>
    public const int MaxNameBytes = 63;

    private const int MaxDimensions = 4;

    /// <summary>Bytes that the file will have.</summary>
    public static long Size(GgufMetadata metadata, IReadOnlyList<TensorSource> tensors)
    {
        long alignment = Alignment(metadata);
        return Pad(Header(metadata, tensors, alignment).Length, alignment) + tensors.Sum(tensor => Pad(tensor.Bytes, alignment));
    }

    /// <summary>
    /// Writes a file. Raises <see cref="Codes.NotEnoughDisk"/> and <see cref="Codes.FileUnwritable"/>; a tensor that GGUF cannot hold
    /// (type, name, dimensions) throws <see cref="ArgumentException"/>.
    /// </summary>
    public static void Write(string path, GgufMetadata metadata, IReadOnlyList<TensorSource> tensors)
    {
        long alignment = Alignment(metadata);
        byte[] header = Header(metadata, tensors, alignment);
        byte[] zeros = new byte[alignment];
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            stream.Write(zeros, 0, (int)(Pad(header.Length, alignment) - header.Length));
            foreach (TensorSource tensor in tensors)
            {
                tensor.WriteTo(stream);
                stream.Write(zeros, 0, (int)(Pad(tensor.Bytes, alignment) - tensor.Bytes));
            }
        });
    }

    private static long Alignment(GgufMetadata metadata) => metadata.GetInteger("general.alignment") ?? 32;

    private static long Pad(long position, long alignment) => (position + alignment - 1) / alignment * alignment;

    private static byte[] Header(GgufMetadata metadata, IReadOnlyList<TensorSource> tensors, long alignment)
    {
        using var stream = new MemoryStream();
        stream.Write("GGUF"u8);
        Number(stream, 3u);
        Number(stream, (ulong)tensors.Count);
        Number(stream, (ulong)metadata.Count);
        foreach (GgufEntry entry in metadata)
        {
            Text(stream, entry.Key);
            Number(stream, (int)entry.Type);
            if (entry.ElementType is { } element)
            {
                WriteArray(stream, (Array)entry.Value, element);
            }
            else
            {
                WriteValue(stream, entry.Value);
            }
        }

        long offset = 0;
        foreach (TensorSource tensor in tensors)
        {
            if (Encoding.UTF8.GetByteCount(tensor.Name) > MaxNameBytes || tensor.Shape.Rank > MaxDimensions)
            {
                throw new ArgumentException($"Tensor {tensor.Name} {tensor.Shape}: names of at most {MaxNameBytes} bytes and {MaxDimensions} dimensions fit into GGUF.");
            }

            Text(stream, tensor.Name);
            Number(stream, (uint)tensor.Shape.Rank);
            for (int axis = tensor.Shape.Rank - 1; axis >= 0; axis--)
            {
                Number(stream, tensor.Shape[axis]);
            }

            Number(stream, GgufTensorTypes.Number(tensor.Type));
            Number(stream, offset);
            offset += Pad(tensor.Bytes, alignment);
        }

        return stream.ToArray();
    }

    private static void WriteArray(MemoryStream stream, Array values, GgufValueType element)
    {
        Number(stream, (int)element);
        Number(stream, (ulong)values.Length);
        foreach (object value in values)
        {
            WriteValue(stream, value);
        }
    }

    private static void WriteValue(MemoryStream stream, object value)
    {
        switch (value)
        {
            case string text:
                Text(stream, text);
                break;
            case bool flag:
                stream.WriteByte(flag ? (byte)1 : (byte)0);
                break;
            case byte number:
                stream.WriteByte(number);
                break;
            case sbyte number:
                stream.WriteByte((byte)number);
                break;
            case ushort number:
                Number(stream, number);
                break;
            case short number:
                Number(stream, number);
                break;
            case uint number:
                Number(stream, number);
                break;
            case int number:
                Number(stream, number);
                break;
            case ulong number:
                Number(stream, number);
                break;
            case long number:
                Number(stream, number);
                break;
            case float number:
                Number(stream, number);
                break;
            case double number:
                Number(stream, number);
                break;
            default:
                throw new ArgumentException($"GGUF has no value type for {value.GetType()}.", nameof(value));
        }
    }

    private static void Text(MemoryStream stream, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Number(stream, (ulong)bytes.Length);
        stream.Write(bytes);
    }

    private static void Number<T>(MemoryStream stream, T value) where T : unmanaged
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<T>(ref value));
        if (!BitConverter.IsLittleEndian)
        {
            bytes.Reverse();
        }

        stream.Write(bytes);
    }
}
