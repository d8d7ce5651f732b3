namespace FineTuneTool.Engine.Formats.Compression;

/// <summary>Zstandard's frames (RFC 8878), without dictionaries; checksums of frames are passed over.</summary>
internal static class Zstandard
{
    private const uint Magic = 0xFD2FB528, SkippableMagic = 0x184D2A50;

    /// <summary>Most bytes that a block, and its literals, may have.</summary>
    public const int MaxBlock = 1 << 17;

    /// <exception cref="InvalidDataException">The bytes are malformed or hold another size.</exception>
    public static void Decompress(ReadOnlySpan<byte> bytes, ByteSink sink)
    {
        var cursor = new ByteCursor(bytes);
        while (cursor.Remaining > 0)
        {
            uint magic = (uint)cursor.Int32();
            if ((magic & ~15U) == SkippableMagic)
            {
                cursor.Take(cursor.Int32());
                continue;
            }

            if (magic != Magic)
            {
                throw new InvalidDataException("a Zstandard frame does not begin with its mark");
            }

            Frame(ref cursor, sink);
        }
    }

    private static void Frame(ref ByteCursor cursor, ByteSink sink)
    {
        int flags = cursor.Byte();
        bool isSingle = (flags & 32) != 0;
        cursor.Take(isSingle ? 0 : 1);
        if ((flags & 8) != 0 || cursor.Take((flags & 3) switch { 3 => 4, var size => size }).ContainsAnyExcept((byte)0))
        {
            throw new InvalidDataException("a Zstandard frame needs a dictionary or is of an unknown kind");
        }

        cursor.Take((flags >> 6) switch { 0 => isSingle ? 1 : 0, var size => 1 << size });
        var block = new ZstandardBlock(sink);
        for (bool isLast = false; !isLast;)
        {
            ReadOnlySpan<byte> header = cursor.Take(3);
            int value = header[0] | (header[1] << 8) | (header[2] << 16);
            isLast = (value & 1) != 0;
            int size = value >> 3;
            if (size > MaxBlock)
            {
                throw new InvalidDataException("a Zstandard block is too large");
            }

            switch ((value >> 1) & 3)
            {
                case 0:
                    sink.Append(cursor.Take(size));
                    break;
                case 1:
                    byte repeated = cursor.Byte();
                    sink.Append(size).Fill(repeated);
                    break;
                case 2:
                    block.Decode(cursor.Take(size));
                    break;
                default:
                    throw new InvalidDataException("a Zstandard block is of an unknown kind");
            }
        }

        cursor.Take((flags & 4) != 0 ? 4 : 0);
    }
}
