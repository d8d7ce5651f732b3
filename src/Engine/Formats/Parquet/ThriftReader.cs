using FineTuneTool.Engine.Formats.Compression;

namespace FineTuneTool.Engine.Formats.Parquet;

/// <summary>
/// Reads Thrift's compact protocol (thrift-compact-protocol.md of Apache Thrift), in which Parquet writes its footer and page headers.
/// Whatever would leave the bytes raises <see cref="InvalidDataException"/>; nothing is allocated by a claimed size.
/// </summary>
internal ref struct ThriftReader(ReadOnlySpan<byte> bytes)
{
    public const byte True = 1, False = 2, Byte = 3, Double = 7, Binary = 8, List = 9, Set = 10, Map = 11, Struct = 12;

    private const int MaxDepth = 32;

    private ByteCursor _cursor = new(bytes);

    /// <summary>Bytes read so far.</summary>
    public readonly int Position => _cursor.Position;

    /// <summary>Goes to the next field of a struct; false at its end.</summary>
    /// <param name="id">Id of the last field, 0 before the first.</param>
    public bool Field(ref int id, out byte type)
    {
        byte header = _cursor.Byte();
        type = (byte)(header & 15);
        if (type == 0)
        {
            return false;
        }

        id = header >> 4 == 0 ? checked((short)_cursor.ZigZag()) : id + (header >> 4);
        return true;
    }

    public bool Boolean(byte type) => type is True or False ? type == True : throw Wrong();

    public int Int32(byte type) => Int64(type) is >= int.MinValue and <= int.MaxValue and var value ? (int)value : throw new InvalidDataException("a number of its metadata is too large");

    public long Int64(byte type) => type switch
    {
        Byte => (sbyte)_cursor.Byte(),
        > Byte and < Double => _cursor.ZigZag(),
        _ => throw Wrong(),
    };

    public ReadOnlySpan<byte> Bytes(byte type) => type == Binary ? _cursor.Take(_cursor.Count()) : throw Wrong();

    /// <summary>Begins a list; each of its entries takes a byte at least, so that the count is bounded by what is left.</summary>
    public int Count(byte type, byte wanted)
    {
        int count = ListHeader(type, out byte entry);
        return entry == wanted || count == 0 ? count : throw Wrong();
    }

    /// <summary>Passes over a value of any type.</summary>
    public void Skip(byte type, int depth = 0)
    {
        if (depth > MaxDepth)
        {
            throw new InvalidDataException("its metadata is nested too deeply");
        }

        switch (type)
        {
            case True or False:
                break;
            case Byte:
                _cursor.Take(1);
                break;
            case > Byte and < Double:
                _cursor.VarInt();
                break;
            case Double:
                _cursor.Take(8);
                break;
            case Binary:
                _cursor.Take(_cursor.Count());
                break;
            case List or Set:
                for (int left = ListHeader(type, out byte entry); left > 0; left--)
                {
                    SkipEntry(entry, depth);
                }

                break;
            case Map:
                int pairs = _cursor.Count();
                byte types = pairs > 0 ? _cursor.Byte() : (byte)0;
                for (; pairs > 0; pairs--)
                {
                    SkipEntry((byte)(types >> 4), depth);
                    SkipEntry((byte)(types & 15), depth);
                }

                break;
            case Struct:
                for (int id = 0; Field(ref id, out byte field);)
                {
                    Skip(field, depth + 1);
                }

                break;
            default:
                throw Wrong();
        }
    }

    /// <summary>Truth values of lists take a byte; as fields they lie in the header.</summary>
    private void SkipEntry(byte type, int depth) => Skip(type is True or False ? Byte : type, depth + 1);

    private int ListHeader(byte type, out byte entry)
    {
        if (type is not (List or Set))
        {
            throw Wrong();
        }

        byte header = _cursor.Byte();
        entry = (byte)(header & 15);
        int count = header >> 4 == 15 ? _cursor.Count() : header >> 4;
        return count <= _cursor.Remaining ? count : throw new InvalidDataException("a list of its metadata is longer than the metadata");
    }

    private static InvalidDataException Wrong() => new("its metadata is not what Parquet has there");
}
