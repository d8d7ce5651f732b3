using FineTuneTool.Engine.Formats.Compression;

namespace FineTuneTool.Engine.Formats.Parquet;

/// <summary>
/// Whole numbers as differences in packed blocks (Encodings.md "Delta Encoding", DELTA_BINARY_PACKED). Decodes as it goes, so that nothing is
/// allocated by the counts that the header claims.
/// </summary>
internal sealed class DeltaDecoder
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly int _miniblockValues;
    private readonly byte[] _widths;
    private long _last;
    private long _minDelta;
    private int _miniblock;
    private int _inMiniblock;
    private UInt128 _bits;
    private int _held;
    private bool _first = true;

    /// <exception cref="InvalidDataException">The header is malformed.</exception>
    public DeltaDecoder(ReadOnlyMemory<byte> bytes)
    {
        _bytes = bytes;
        var cursor = new ByteCursor(bytes.Span);
        int block = cursor.Count(), miniblocks = cursor.Count();
        Left = cursor.Count();
        _last = cursor.ZigZag();
        Position = cursor.Position;
        if (miniblocks is 0 or > 512 || block % miniblocks != 0 || block / miniblocks % 32 != 0 || block is 0 or > 1 << 16)
        {
            throw new InvalidDataException($"differences come in blocks of {block} values and {miniblocks} parts");
        }

        _miniblockValues = block / miniblocks;
        _widths = new byte[miniblocks];
        _miniblock = miniblocks;
    }

    /// <summary>Values that the header claims and that have not been read.</summary>
    public int Left { get; private set; }

    /// <summary>Bytes read; those of the whole encoding after <see cref="SkipToEnd"/>.</summary>
    public int Position { get; private set; }

    /// <exception cref="InvalidDataException">There are no more values.</exception>
    public long Next()
    {
        if (Left == 0)
        {
            throw new InvalidDataException("differences end before the values");
        }

        Left--;
        if (_first)
        {
            _first = false;
            return _last;
        }

        if (_miniblock == _widths.Length)
        {
            BeginBlock();
        }

        _last = unchecked(_last + _minDelta + (long)Unpack(_widths[_miniblock]));
        if (++_inMiniblock == _miniblockValues)
        {
            EndMiniblock();
        }

        return _last;
    }

    /// <summary>Reads what is left, the padding of the last packed part included.</summary>
    public void SkipToEnd()
    {
        while (Left > 0)
        {
            Next();
        }

        // The last part that has values is written in full; parts after it have widths but no bytes.
        while (_inMiniblock > 0)
        {
            Unpack(_widths[_miniblock]);
            if (++_inMiniblock == _miniblockValues)
            {
                EndMiniblock();
            }
        }
    }

    private void BeginBlock()
    {
        var cursor = new ByteCursor(_bytes.Span[Position..]);
        _minDelta = cursor.ZigZag();
        cursor.Take(_widths.Length).CopyTo(_widths);
        Position += cursor.Position;
        (_miniblock, _inMiniblock, _bits, _held) = (0, 0, 0, 0);
    }

    private void EndMiniblock() => (_miniblock, _inMiniblock, _bits, _held) = (_miniblock + 1, 0, 0, 0);

    private ulong Unpack(int width)
    {
        if (width > 64)
        {
            throw new InvalidDataException($"differences have {width} bits");
        }

        while (_held < width)
        {
            if (Position == _bytes.Length)
            {
                throw new InvalidDataException("differences end too early");
            }

            _bits |= (UInt128)_bytes.Span[Position++] << _held;
            _held += 8;
        }

        ulong value = (ulong)(_bits & ((UInt128.One << width) - 1));
        _bits >>= width;
        _held -= width;
        return value;
    }
}
