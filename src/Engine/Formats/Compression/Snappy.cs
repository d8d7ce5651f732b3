namespace FineTuneTool.Engine.Formats.Compression;

/// <summary>Snappy's raw format (google/snappy, format_description.txt): the size, then literals and copies of what was written.</summary>
internal static class Snappy
{
    /// <exception cref="InvalidDataException">The bytes are malformed or hold another size.</exception>
    public static void Decompress(ReadOnlySpan<byte> bytes, ByteSink sink)
    {
        var cursor = new ByteCursor(bytes);
        cursor.Count();
        while (cursor.Remaining > 0)
        {
            int tag = cursor.Byte();
            int high = tag >> 2;
            switch (tag & 3)
            {
                case 0:
                    int length = high < 60 ? high : LittleEndian(ref cursor, high - 59);
                    sink.Append(cursor.Take(checked(length + 1)));
                    break;
                case 1:
                    sink.Repeat(((tag & 0xE0) << 3) | cursor.Byte(), (high & 7) + 4);
                    break;
                case 2:
                    sink.Repeat(LittleEndian(ref cursor, 2), high + 1);
                    break;
                default:
                    sink.Repeat((uint)cursor.Int32(), high + 1);
                    break;
            }
        }
    }

    private static int LittleEndian(ref ByteCursor cursor, int bytes)
    {
        uint value = 0;
        for (int i = 0; i < bytes; i++)
        {
            value |= (uint)cursor.Byte() << (8 * i);
        }

        return value < int.MaxValue ? (int)value : throw new InvalidDataException("a literal is too long");
    }
}
