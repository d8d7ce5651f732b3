using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Formats;

/// <summary>
/// Parses the header of a mapped GGUF file:
/// <code>
/// "GGUF" · u32 version · u64 tensors · u64 entries · entries · tensor infos · padding · data
/// entry: string key · i32 type · value          string: u64 bytes · UTF-8          array: i32 element type · u64 count · elements
/// tensor info: string name · u32 dims · u64 extents (innermost first) · i32 type · u64 offset from the start of the data
/// </code>
/// </summary>
internal sealed unsafe class GgufReader
{
    private const int MaxNameBytes = 63;
    private const int MaxDimensions = 4;
    private const long SmallestEntry = 8 + 4 + 1;
    private const long SmallestTensorInfo = 8 + 4 + 4 + 8;

    private readonly MappedFile _file;
    private readonly GgufCursor _cursor;

    public GgufReader(MappedFile file)
    {
        _file = file;
        _cursor = new GgufCursor(file);
        Metadata = new GgufMetadata(file.Path);
        if (!_cursor.Take(4, "the magic").SequenceEqual("GGUF"u8))
        {
            throw _cursor.Bad("it does not begin with 'GGUF'");
        }

        uint version = _cursor.UInt32("the version");
        Version = version is 2 or 3 ? (int)version : throw _cursor.Bad($"version {version} is unknown; versions 2 and 3 can be read");
        ulong tensors = _cursor.UInt64("the number of tensors");
        ulong entries = _cursor.UInt64("the number of metadata entries");
        ReadMetadata(entries);
        Alignment = ReadAlignment();
        Tensors = ReadTensors(tensors);
    }

    public int Version { get; }

    public long Alignment { get; }

    public GgufMetadata Metadata { get; }

    public TensorTable Tensors { get; }

    private void ReadMetadata(ulong entries)
    {
        _cursor.CheckCount(entries, SmallestEntry, "metadata entries");
        for (ulong i = 0; i < entries; i++)
        {
            string key = _cursor.String($"the key of metadata entry {i}");
            if (key.Length == 0)
            {
                throw _cursor.Bad($"the key of metadata entry {i} is empty");
            }

            GgufEntry entry = ReadEntry(key);
            if (!Metadata.TryAdd(entry))
            {
                throw _cursor.Bad($"the metadata key '{key}' appears twice");
            }
        }
    }

    private GgufEntry ReadEntry(string key)
    {
        GgufValueType type = ReadValueType(key);
        if (type != GgufValueType.Array)
        {
            return new GgufEntry(key, type, ReadValue(key, type));
        }

        GgufValueType element = ReadValueType(key);
        if (element == GgufValueType.Array)
        {
            throw _cursor.Bad($"the metadata key '{key}' holds an array of arrays");
        }

        ulong count = _cursor.UInt64($"the length of '{key}'");
        _cursor.CheckCount(count, SmallestValue(element), $"elements of '{key}'");
        return new GgufEntry(key, type, ReadArray(key, element, (int)count), element);
    }

    private GgufValueType ReadValueType(string key)
    {
        int type = (int)_cursor.UInt32($"the type of '{key}'");
        return type is >= 0 and <= (int)GgufValueType.Float64 ? (GgufValueType)type : throw _cursor.Bad($"the metadata key '{key}' has the unknown type {type}");
    }

    private object ReadValue(string key, GgufValueType type)
    {
        if (type == GgufValueType.String)
        {
            return _cursor.String($"the value of '{key}'");
        }

        ReadOnlySpan<byte> bytes = _cursor.Take(SmallestValue(type), $"the value of '{key}'");
        return type switch
        {
            GgufValueType.UInt8 => bytes[0],
            GgufValueType.Int8 => (sbyte)bytes[0],
            GgufValueType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
            GgufValueType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(bytes),
            GgufValueType.UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            GgufValueType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(bytes),
            GgufValueType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(bytes),
            GgufValueType.Bool => bytes[0] != 0,
            GgufValueType.UInt64 => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
            GgufValueType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(bytes),
            _ => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
        };
    }

    private Array ReadArray(string key, GgufValueType element, int count) => element switch
    {
        GgufValueType.UInt8 => Numbers<byte>(key, count),
        GgufValueType.Int8 => Numbers<sbyte>(key, count),
        GgufValueType.UInt16 => Numbers<ushort>(key, count),
        GgufValueType.Int16 => Numbers<short>(key, count),
        GgufValueType.UInt32 => Numbers<uint>(key, count),
        GgufValueType.Int32 => Numbers<int>(key, count),
        GgufValueType.Float32 => Numbers<float>(key, count),
        GgufValueType.UInt64 => Numbers<ulong>(key, count),
        GgufValueType.Int64 => Numbers<long>(key, count),
        GgufValueType.Float64 => Numbers<double>(key, count),
        GgufValueType.Bool => Array.ConvertAll(Numbers<byte>(key, count), value => value != 0),
        _ => Strings(key, count),
    };

    private T[] Numbers<T>(string key, int count) where T : unmanaged =>
        MemoryMarshal.Cast<byte, T>(_cursor.Take((long)count * sizeof(T), $"the value of '{key}'")).ToArray();

    private string[] Strings(string key, int count)
    {
        string[] values = new string[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = _cursor.String($"element {i} of '{key}'");
        }

        return values;
    }

    private long ReadAlignment()
    {
        if (Metadata.Find("general.alignment") is not { } entry)
        {
            return 32;
        }

        return entry.Value is uint alignment && uint.IsPow2(alignment) ? alignment
            : throw _cursor.Bad($"general.alignment must be a u32 power of two, not {entry.Type} {entry.Value}");
    }

    private TensorTable ReadTensors(ulong count)
    {
        _cursor.CheckCount(count, SmallestTensorInfo, "tensors");
        var infos = new List<(string Name, ElementType Type, Shape Shape, long Bytes, long Offset)>((int)count);
        var names = new HashSet<string>(StringComparer.Ordinal);
        long end = 0;
        for (ulong i = 0; i < count; i++)
        {
            string name = _cursor.String($"the name of tensor {i}");
            if (Encoding.UTF8.GetByteCount(name) > MaxNameBytes)
            {
                throw _cursor.Bad($"the name of tensor {i} is longer than {MaxNameBytes} bytes");
            }

            if (!names.Add(name))
            {
                throw _cursor.Bad($"the tensor '{name}' appears twice");
            }

            Shape shape = ReadShape(name);
            ElementType type = ReadElementType(name);
            long bytes = CheckSize(name, type, shape);
            ulong offset = _cursor.UInt64($"the offset of tensor '{name}'");
            if (offset != (ulong)end)
            {
                throw _cursor.Bad($"tensor '{name}' lies at offset {offset}, but the tensors before it end at {end}");
            }

            infos.Add((name, type, shape, bytes, end));
            end = Pad(end + bytes);
            if (end > _file.Length)
            {
                throw _cursor.Bad($"tensor '{name}' reaches beyond the end of the file: it is cut off");
            }
        }

        long start = Pad(_cursor.Position);
        if (start > _file.Length || end > _file.Length - start)
        {
            throw _cursor.Bad($"its tensors need {end} bytes from byte {start} on, but the file has {_file.Length} bytes: it is cut off");
        }

        return new TensorTable([.. infos.Select(info =>
            new StoredTensor(info.Name, info.Type, info.Shape, _file.Pointer + start + info.Offset, info.Bytes, _file))]);
    }

    private Shape ReadShape(string name)
    {
        uint dimensions = _cursor.UInt32($"the dimensions of tensor '{name}'");
        if (dimensions > MaxDimensions)
        {
            throw _cursor.Bad($"tensor '{name}' has {dimensions} dimensions; at most {MaxDimensions} are allowed");
        }

        long[] extents = new long[dimensions];
        for (int i = extents.Length - 1; i >= 0; i--)
        {
            ulong extent = _cursor.UInt64($"the shape of tensor '{name}'");
            extents[i] = extent <= long.MaxValue ? (long)extent : throw _cursor.Bad($"tensor '{name}' has a dimension of {extent} elements");
        }

        return new Shape(extents);
    }

    private ElementType ReadElementType(string name)
    {
        int number = (int)_cursor.UInt32($"the type of tensor '{name}'");
        if (GgufTensorTypes.FindUnsupported(number) is { } unsupported)
        {
            throw new FineTuneException(
                Codes.UnsupportedTensorType, $"Tensor '{name}' is stored as {unsupported}, which cannot be read.",
                "Use a file with another quantisation, such as Q8_0, Q4_1 or Q4_K_M.", new SourcePosition(_file.Path));
        }

        return GgufTensorTypes.Find(number) ?? throw _cursor.Bad($"tensor '{name}' has the unknown element type {number}");
    }

    /// <summary>Bytes of a tensor, at most the file's length.</summary>
    private long CheckSize(string name, ElementType type, Shape shape)
    {
        Int128 count = 1;
        foreach (long extent in shape.Extents)
        {
            count *= extent;
            if (count > long.MaxValue)
            {
                throw _cursor.Bad($"tensor '{name}' has too many elements: {shape}");
            }
        }

        if (shape.Columns % type.BlockElements() != 0)
        {
            throw _cursor.Bad($"tensor '{name}' has rows of {shape.Columns} elements, not a multiple of the {type.BlockElements()} of a {type} block");
        }

        Int128 bytes = count / type.BlockElements() * type.BlockBytes();
        return bytes <= _file.Length ? (long)bytes : throw _cursor.Bad($"tensor '{name}' {shape} of {type} is larger than the file");
    }

    private static int SmallestValue(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        _ => 8,
    };

    private long Pad(long position) => (position + Alignment - 1) / Alignment * Alignment;
}
