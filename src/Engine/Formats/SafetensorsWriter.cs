using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Formats;

/// <summary>
/// Writes safetensors files as the reference library does: tensors by element type (widest first), then name; compact header padded with spaces
/// to a multiple of 8 bytes. Files appear atomically.
/// </summary>
public static class SafetensorsWriter
{
    /// <summary>The metadata that PyTorch's users of the format write.</summary>
    public static IReadOnlyDictionary<string, string> PyTorch { get; } = new Dictionary<string, string> { ["format"] = "pt" };

    /// <summary>Writes one file. Raises <see cref="Codes.NotEnoughDisk"/> and <see cref="Codes.FileUnwritable"/>.</summary>
    public static void Write(string path, IEnumerable<TensorSource> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        TensorSource[] ordered =
        [
            .. tensors.OrderBy(tensor => SafetensorsTypes.Order(tensor.Type)).ThenBy(tensor => tensor.Name, StringComparer.Ordinal),
        ];
        byte[] header = Header(ordered, metadata);
        AtomicFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
            stream.Write(length);
            stream.Write(header);
            foreach (TensorSource tensor in ordered)
            {
                tensor.WriteTo(stream);
            }
        });
    }

    /// <summary>
    /// Writes a model's weights into a folder: <c>model.safetensors</c>, or shards of at most <paramref name="maxShardBytes"/> (a larger tensor
    /// stands alone) with <c>model.safetensors.index.json</c>. Tensors fill the shards in the given order.
    /// </summary>
    public static void WriteModel(string folder, IReadOnlyList<TensorSource> tensors, long maxShardBytes = 5_000_000_000)
    {
        var shards = new List<List<TensorSource>> { new() };
        long size = 0;
        foreach (TensorSource tensor in tensors)
        {
            if (size + tensor.Bytes > maxShardBytes && shards[^1].Count > 0)
            {
                shards.Add([]);
                size = 0;
            }

            shards[^1].Add(tensor);
            size += tensor.Bytes;
        }

        if (shards.Count == 1)
        {
            Write(Path.Combine(folder, "model.safetensors"), tensors, PyTorch);
            return;
        }

        var map = new JsonObject();
        for (int i = 0; i < shards.Count; i++)
        {
            string name = $"model-{i + 1:00000}-of-{shards.Count:00000}.safetensors";
            Write(Path.Combine(folder, name), shards[i], PyTorch);
            foreach (TensorSource tensor in shards[i])
            {
                map[tensor.Name] = name;
            }
        }

        var index = new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = tensors.Sum(tensor => tensor.Bytes) }, ["weight_map"] = map };
        AtomicFile.WriteText(Path.Combine(folder, "model.safetensors.index.json"), PythonJson.Write(index, sortKeys: true) + "\n");
    }

    private static byte[] Header(TensorSource[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var header = new JsonObject();
        if (metadata is not null)
        {
            header["__metadata__"] = new JsonObject(metadata.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)JsonValue.Create(pair.Value))));
        }

        long offset = 0;
        foreach (TensorSource tensor in tensors)
        {
            header.Add(tensor.Name, new JsonObject
            {
                ["dtype"] = SafetensorsTypes.All[SafetensorsTypes.Order(tensor.Type)].Name,
                ["shape"] = new JsonArray([.. tensor.Shape.Extents.ToArray().Select(extent => JsonValue.Create(extent))]),
                ["data_offsets"] = new JsonArray(offset, offset + tensor.Bytes),
            });
            offset += tensor.Bytes;
        }

        byte[] json = Encoding.UTF8.GetBytes(PythonJson.Write(header, indent: 0, ascii: false));
        byte[] padded = new byte[(json.Length + 7) / 8 * 8];
        padded.AsSpan().Fill((byte)' ');
        json.CopyTo(padded, 0);
        return padded;
    }
}
