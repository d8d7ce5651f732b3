using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Unicode;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Formats;

/// <summary>Parses the header of a mapped safetensors file and checks that its tensors cover the data exactly.</summary>
internal sealed unsafe class SafetensorsReader
{
    /// <summary>The limit of the reference library.</summary>
    private const ulong MaxHeaderBytes = 100_000_000;

    private readonly MappedFile _file;
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    public SafetensorsReader(MappedFile file)
    {
        _file = file;
        if (file.Length < 8)
        {
            throw Bad("it is shorter than its 8-byte header length");
        }

        ulong header = BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(file.Pointer, 8));
        if (header > MaxHeaderBytes || header > (ulong)file.Length - 8)
        {
            throw Bad($"its header claims {header} bytes; the file has {file.Length}");
        }

        var json = new ReadOnlySpan<byte>(file.Pointer + 8, (int)header);
        if (!Utf8.IsValid(json))
        {
            throw Bad("its header is not valid UTF-8");
        }

        try
        {
            ReadHeader(json);
        }
        catch (Exception failure) when (failure is JsonException or FormatException or InvalidOperationException)
        {
            throw Bad("its header is not the JSON that the format asks for");
        }

        Tensors = Place(8 + (long)header);
    }

    public TensorTable Tensors { get; }

    public Dictionary<string, string> Metadata { get; private set; } = new(StringComparer.Ordinal);

    private void ReadHeader(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        Expect(ref reader, JsonTokenType.StartObject);
        bool metadata = false;
        while (ReadName(ref reader) is { } name)
        {
            if (name != "__metadata__")
            {
                // Of a name given twice the last counts, as in the reference; the check of the ranges then finds the loss.
                _entries[name] = ReadEntry(ref reader, name);
            }
            else if (metadata)
            {
                throw Bad("its header gives __metadata__ twice");
            }
            else
            {
                ReadMetadata(ref reader);
                metadata = true;
            }
        }

        if (reader.Read())
        {
            throw Bad("something follows its header object");
        }
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Bad("its __metadata__ is not an object");
        }

        while (ReadName(ref reader) is { } key)
        {
            Expect(ref reader, JsonTokenType.String);
            Metadata[key] = reader.GetString()!;
        }
    }

    private Entry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        string? dtype = null;
        List<long>? shape = null, offsets = null;
        Expect(ref reader, JsonTokenType.StartObject);
        while (ReadName(ref reader) is { } key)
        {
            bool first = true;
            switch (key)
            {
                case "dtype":
                    first = dtype is null;
                    Expect(ref reader, JsonTokenType.String);
                    dtype = reader.GetString();
                    break;
                case "shape":
                    first = shape is null;
                    shape = ReadNumbers(ref reader);
                    break;
                case "data_offsets":
                    first = offsets is null;
                    offsets = ReadNumbers(ref reader);
                    break;
                default:
                    reader.Read();
                    reader.Skip();
                    break;
            }

            if (!first)
            {
                throw Bad($"tensor '{name}' gives {key} twice");
            }
        }

        if (dtype is null || shape is null || offsets is not { Count: 2 })
        {
            throw Bad($"tensor '{name}' lacks its dtype, its shape, or its two data_offsets");
        }

        return new Entry(ReadType(name, dtype), shape, offsets[0], offsets[1]);
    }

    private ElementType ReadType(string name, string dtype)
    {
        if (SafetensorsTypes.IsUnsupported(dtype))
        {
            throw new FineTuneException(
                Codes.UnsupportedTensorType, $"Tensor '{name}' is stored as {dtype}, which cannot be read.", "Use a file in F32, F16 or BF16.",
                new SourcePosition(_file.Path));
        }

        return SafetensorsTypes.Find(dtype) ?? throw Bad($"tensor '{name}' has the unknown dtype '{dtype}'");
    }

    private TensorTable Place(long start)
    {
        var tensors = new List<StoredTensor>(_entries.Count);
        long end = 0;
        foreach ((string name, Entry entry) in _entries.OrderBy(pair => (pair.Value.Begin, pair.Value.End)))
        {
            if (entry.Begin != end || entry.End < entry.Begin || entry.End > _file.Length - start)
            {
                throw Bad($"tensor '{name}' lies at bytes {entry.Begin} to {entry.End}, where {end} to at most {_file.Length - start} are free");
            }

            end = entry.End;
            if (Bytes(name, entry) != end - entry.Begin)
            {
                throw Bad($"tensor '{name}' ({string.Join(", ", entry.Shape)}) of {entry.Type} does not take {end - entry.Begin} bytes");
            }

            tensors.Add(new StoredTensor(name, entry.Type, new Shape([.. entry.Shape]), _file.Pointer + start + entry.Begin, end - entry.Begin, _file));
        }

        return end == _file.Length - start ? new TensorTable(tensors)
            : throw Bad($"its tensors cover {end} bytes of data, the file has {_file.Length - start}: it is cut off or has a tail");
    }

    private long Bytes(string name, Entry entry)
    {
        Int128 bytes = 1;
        foreach (long extent in entry.Shape)
        {
            bytes *= extent;
            if (bytes > long.MaxValue / 8)
            {
                throw Bad($"tensor '{name}' has too many elements: ({string.Join(", ", entry.Shape)})");
            }
        }

        return (long)bytes * entry.Type.BlockBytes();
    }

    private List<long> ReadNumbers(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartArray);
        var numbers = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long number) || number < 0)
            {
                throw Bad("a shape or an offset in its header is not a number of elements or bytes");
            }

            numbers.Add(number);
        }

        return numbers;
    }

    /// <summary>The next property name, or null at the end of the object.</summary>
    private static string? ReadName(ref Utf8JsonReader reader) =>
        reader.Read() && reader.TokenType == JsonTokenType.PropertyName ? reader.GetString() : null;

    private void Expect(ref Utf8JsonReader reader, JsonTokenType type)
    {
        if (!reader.Read() || reader.TokenType != type)
        {
            throw Bad($"its header holds {reader.TokenType} where {type} is expected");
        }
    }

    private FineTuneException Bad(string problem) => new(
        Codes.BadSafetensors, $"'{_file.Path}' is not a valid safetensors file: {problem}.",
        "Download the file again; a small text file may be a pointer of Git LFS instead of the data.", new SourcePosition(_file.Path));

    private sealed record Entry(ElementType Type, List<long> Shape, long Begin, long End);
}
