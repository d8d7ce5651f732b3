namespace FineTuneTool.Engine.Formats.Compression;

/// <summary>LZ4's block format (lz4_Block_format.md), without a frame around it.</summary>
internal static class Lz4Block
{
    private const int MinMatch = 4;

    /// <exception cref="InvalidDataException">The bytes are malformed or hold another size.</exception>
    public static void Decompress(ReadOnlySpan<byte> bytes, ByteSink sink)
    {
        var cursor = new ByteCursor(bytes);
        while (cursor.Remaining > 0)
        {
            int token = cursor.Byte();
            sink.Append(cursor.Take(Length(ref cursor, token >> 4)));
            if (cursor.Remaining == 0)
            {
                return;
            }

            int distance = cursor.Byte() | (cursor.Byte() << 8);
            sink.Repeat(distance, checked(Length(ref cursor, token & 15) + MinMatch));
        }
    }

    /// <summary>Four bits of the token; where they are full, more bytes are added until one that is not full.</summary>
    private static int Length(ref ByteCursor cursor, int length)
    {
        for (int more = length == 15 ? 255 : 0; more == 255;)
        {
            more = cursor.Byte();
            length = checked(length + more);
        }

        return length;
    }
}
