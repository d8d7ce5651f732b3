using FineTuneTool.Engine.Formats.Compression;

namespace FineTuneTool.Engine.Formats.Parquet;

/// <summary>
/// Numbers of a few bits in runs of one value and in groups of eight packed ones (Encodings.md "RLE/Bit-Packing Hybrid"): levels, dictionary
/// indices and truth values. Decodes as it goes.
/// </summary>
internal sealed class RunLengthDecoder(ReadOnlyMemory<byte> bytes, int width)
{
    private int _position;
    private long _left;
    private bool _packed;
    private uint _value;
    private ulong _bits;
    private int _held;

    /// <exception cref="InvalidDataException">The bytes end before the values.</exception>
    public int Next()
    {
        if (_left == 0)
        {
            Begin();
        }

        _left--;
        return _packed ? (int)Unpack() : (int)_value;
    }

    private void Begin()
    {
        var cursor = new ByteCursor(bytes.Span[_position..]);
        ulong header = cursor.VarInt();
        _packed = (header & 1) == 1;
        _left = (long)Math.Min(header >> 1, int.MaxValue) * (_packed ? 8 : 1);
        (_bits, _held) = (0, 0);
        if (_left == 0)
        {
            throw new InvalidDataException("a run has no values");
        }

        if (!_packed)
        {
            _value = 0;
            for (int i = 0; i < (width + 7) / 8; i++)
            {
                _value |= (uint)cursor.Byte() << (8 * i);
            }
        }

        _position += cursor.Position;
    }

    private uint Unpack()
    {
        while (_held < width)
        {
            if (_position == bytes.Length)
            {
                throw new InvalidDataException("a run of packed values ends too early");
            }

            _bits |= (ulong)bytes.Span[_position++] << _held;
            _held += 8;
        }

        uint value = (uint)(_bits & ((1UL << width) - 1));
        _bits >>= width;
        _held -= width;
        return value;
    }
}
