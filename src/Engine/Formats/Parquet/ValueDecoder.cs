using System.Buffers.Binary;

namespace FineTuneTool.Engine.Formats.Parquet;

/// <summary>Gives the values of a page one after another. Each decoder is one encoding of Encodings.md; none allocates by a claimed count.</summary>
internal abstract class ValueDecoder
{
    /// <exception cref="InvalidDataException">The page ends before its values.</exception>
    public abstract ParquetValue Next();

    /// <param name="dictionary">The values of the column's dictionary page, where there was one.</param>
    /// <exception cref="InvalidDataException">The encoding is unknown or does not go with the type.</exception>
    public static ValueDecoder For(int encoding, ParquetNode column, ReadOnlyMemory<byte> bytes, ParquetValue[]? dictionary)
    {
        PhysicalType type = column.Physical!.Value;
        bool isInteger = type is PhysicalType.Int32 or PhysicalType.Int64;
        return encoding switch
        {
            0 => new PlainDecoder(column, bytes),
            2 or 8 => new DictionaryDecoder(bytes, dictionary ?? throw new InvalidDataException("a page refers to a dictionary that is not there")),
            3 when type == PhysicalType.Boolean => new BooleanRunDecoder(bytes),
            5 when isInteger => new DeltaIntegerDecoder(bytes, type),
            6 when type == PhysicalType.ByteArray => new DeltaLengthDecoder(bytes),
            7 when type is PhysicalType.ByteArray or PhysicalType.FixedLengthByteArray => new DeltaBytesDecoder(bytes),
            9 when type is not (PhysicalType.Boolean or PhysicalType.ByteArray or PhysicalType.Int96) => new ByteStreamSplitDecoder(column, bytes),
            _ => throw new InvalidDataException($"a page of {type} has the encoding {encoding}, which is unknown or not for that type"),
        };
    }

    /// <summary>Bytes of a value of fixed size.</summary>
    protected static int Width(ParquetNode column) => column.Physical switch
    {
        PhysicalType.Int32 or PhysicalType.Float => 4,
        PhysicalType.Int64 or PhysicalType.Double => 8,
        PhysicalType.Int96 => 12,
        _ => column.TypeLength,
    };

    /// <summary>A value of fixed size from its little-endian bytes.</summary>
    protected static ParquetValue Fixed(PhysicalType type, ReadOnlyMemory<byte> bytes) => type switch
    {
        PhysicalType.Int32 or PhysicalType.Float => new ParquetValue(BinaryPrimitives.ReadInt32LittleEndian(bytes.Span)),
        PhysicalType.Int64 or PhysicalType.Double => new ParquetValue(BinaryPrimitives.ReadInt64LittleEndian(bytes.Span)),
        _ => new ParquetValue(0, bytes),
    };

    protected static ReadOnlyMemory<byte> Take(ReadOnlyMemory<byte> bytes, ref int position, long count)
    {
        if (count < 0 || count > bytes.Length - position)
        {
            throw new InvalidDataException("a page ends before its values");
        }

        ReadOnlyMemory<byte> taken = bytes.Slice(position, (int)count);
        position += (int)count;
        return taken;
    }
}

/// <summary>PLAIN: values back to back, truth values as bits, byte arrays after their length.</summary>
internal sealed class PlainDecoder(ParquetNode column, ReadOnlyMemory<byte> bytes) : ValueDecoder
{
    private int _position;
    private int _bit;

    public override ParquetValue Next()
    {
        switch (column.Physical)
        {
            case PhysicalType.Boolean:
                int at = _bit++ / 8;
                return at < bytes.Length ? new ParquetValue((bytes.Span[at] >> ((_bit - 1) & 7)) & 1) : throw new InvalidDataException("a page ends before its values");
            case PhysicalType.ByteArray:
                int length = BinaryPrimitives.ReadInt32LittleEndian(Take(bytes, ref _position, 4).Span);
                return new ParquetValue(0, Take(bytes, ref _position, length));
            default:
                return Fixed(column.Physical!.Value, Take(bytes, ref _position, Width(column)));
        }
    }
}

/// <summary>RLE_DICTIONARY, which older files call PLAIN_DICTIONARY: indices into the dictionary page.</summary>
internal sealed class DictionaryDecoder : ValueDecoder
{
    private readonly ParquetValue[] _dictionary;
    private readonly RunLengthDecoder? _indices;

    public DictionaryDecoder(ReadOnlyMemory<byte> bytes, ParquetValue[] dictionary)
    {
        _dictionary = dictionary;
        if (bytes.Length > 0)
        {
            int width = bytes.Span[0];
            _indices = width <= 32 ? new RunLengthDecoder(bytes[1..], width) : throw new InvalidDataException($"dictionary indices have {width} bits");
        }
    }

    public override ParquetValue Next()
    {
        int index = _indices?.Next() ?? throw new InvalidDataException("a page ends before its values");
        return (uint)index < (uint)_dictionary.Length ? _dictionary[index] : throw new InvalidDataException("a page refers to a value beyond its dictionary");
    }
}

/// <summary>RLE of truth values, after the length of the encoding.</summary>
internal sealed class BooleanRunDecoder : ValueDecoder
{
    private readonly RunLengthDecoder _runs;

    public BooleanRunDecoder(ReadOnlyMemory<byte> bytes)
    {
        int position = 0;
        int length = BinaryPrimitives.ReadInt32LittleEndian(Take(bytes, ref position, 4).Span);
        _runs = new RunLengthDecoder(Take(bytes, ref position, length), 1);
    }

    public override ParquetValue Next() => new(_runs.Next() & 1);
}

/// <summary>DELTA_BINARY_PACKED.</summary>
internal sealed class DeltaIntegerDecoder(ReadOnlyMemory<byte> bytes, PhysicalType type) : ValueDecoder
{
    private readonly DeltaDecoder _values = new(bytes);

    /// <summary>Differences of 32-bit numbers wrap around at 32 bits.</summary>
    public override ParquetValue Next() => new(type == PhysicalType.Int32 ? unchecked((int)_values.Next()) : _values.Next());
}

/// <summary>DELTA_LENGTH_BYTE_ARRAY: all lengths, then all bytes.</summary>
internal sealed class DeltaLengthDecoder : ValueDecoder
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly DeltaDecoder _lengths;
    private int _position;

    public DeltaLengthDecoder(ReadOnlyMemory<byte> bytes)
    {
        // The bytes begin where the lengths end, which only reading them tells; they are read again value by value.
        var lengths = new DeltaDecoder(bytes);
        lengths.SkipToEnd();
        (_bytes, _position, _lengths) = (bytes, lengths.Position, new DeltaDecoder(bytes));
    }

    public override ParquetValue Next() => new(0, Take(_bytes, ref _position, _lengths.Next()));
}

/// <summary>DELTA_BYTE_ARRAY: how many bytes are shared with the value before, then what follows them.</summary>
internal sealed class DeltaBytesDecoder : ValueDecoder
{
    private readonly DeltaDecoder _shared;
    private readonly DeltaLengthDecoder _suffixes;
    private ReadOnlyMemory<byte> _last;

    public DeltaBytesDecoder(ReadOnlyMemory<byte> bytes)
    {
        var shared = new DeltaDecoder(bytes);
        shared.SkipToEnd();
        (_shared, _suffixes) = (new DeltaDecoder(bytes), new DeltaLengthDecoder(bytes[shared.Position..]));
    }

    public override ParquetValue Next()
    {
        long shared = _shared.Next();
        ReadOnlyMemory<byte> suffix = _suffixes.Next().Bytes;
        if (shared < 0 || shared > _last.Length)
        {
            throw new InvalidDataException("a value shares more bytes with the one before than that has");
        }

        if (shared == 0)
        {
            _last = suffix;
        }
        else if (suffix.Length == 0)
        {
            _last = _last[..(int)shared];
        }
        else
        {
            byte[] joined = new byte[shared + suffix.Length];
            _last.Span[..(int)shared].CopyTo(joined);
            suffix.Span.CopyTo(joined.AsSpan((int)shared));
            _last = joined;
        }

        return new ParquetValue(0, _last);
    }
}

/// <summary>BYTE_STREAM_SPLIT: the first bytes of all values, then the second ones, and so on.</summary>
internal sealed class ByteStreamSplitDecoder : ValueDecoder
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly PhysicalType _type;
    private readonly int _width;
    private readonly int _count;
    private int _next;

    public ByteStreamSplitDecoder(ParquetNode column, ReadOnlyMemory<byte> bytes)
    {
        (_type, _width, _bytes) = (column.Physical!.Value, Width(column), bytes);
        _count = bytes.Length % _width == 0 ? bytes.Length / _width : throw new InvalidDataException("a page ends within a value");
    }

    public override ParquetValue Next()
    {
        if (_next == _count)
        {
            throw new InvalidDataException("a page ends before its values");
        }

        byte[] value = new byte[_width];
        for (int i = 0; i < _width; i++)
        {
            value[i] = _bytes.Span[(i * _count) + _next];
        }

        _next++;
        return Fixed(_type, value);
    }
}
