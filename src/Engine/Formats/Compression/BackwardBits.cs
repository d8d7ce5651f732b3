using System.Buffers.Binary;

namespace FineTuneTool.Engine.Formats.Compression;

/// <summary>
/// Bits read from the end of the bytes to their begin, as Zstandard's entropy coders write them (RFC 8878, section 4.1): the highest set bit of the
/// last byte ends them. Before the first bit there are zeros.
/// </summary>
internal ref struct BackwardBits
{
    private readonly ReadOnlySpan<byte> _bytes;

    /// <exception cref="InvalidDataException">There is no end mark.</exception>
    public BackwardBits(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty || bytes[^1] == 0)
        {
            throw new InvalidDataException("compressed bits have no end mark");
        }

        _bytes = bytes;
        Left = (8L * bytes.Length) - 1 - (byte.LeadingZeroCount(bytes[^1]));
    }

    /// <summary>Bits left; negative where zeros before the first bit have been read.</summary>
    public long Left { get; private set; }

    /// <param name="count">0 to 32.</param>
    public uint Read(int count)
    {
        Left -= count;
        return Left >= 0 ? At(Left, count) : Left + count <= 0 ? 0 : At(0, (int)(Left + count)) << (int)-Left;
    }

    private readonly uint At(long bit, int count)
    {
        ReadOnlySpan<byte> from = _bytes[(int)(bit >> 3)..];
        ulong word = 0;
        if (from.Length >= 8)
        {
            word = BinaryPrimitives.ReadUInt64LittleEndian(from);
        }
        else
        {
            for (int i = 0; i < from.Length; i++)
            {
                word |= (ulong)from[i] << (8 * i);
            }
        }

        return (uint)((word >> (int)(bit & 7)) & ((1UL << count) - 1));
    }
}
