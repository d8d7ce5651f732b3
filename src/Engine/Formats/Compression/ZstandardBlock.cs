using System.Buffers.Binary;

namespace FineTuneTool.Engine.Formats.Compression;

/// <summary>Decodes the compressed blocks of a frame, whose tables and offsets go on from block to block (RFC 8878, section 3.1.1.3).</summary>
internal sealed class ZstandardBlock(ByteSink sink)
{
    private static readonly Code LiteralLengths = new(0, 6, 9,
        [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1],
        [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);

    private static readonly Code MatchLengths = new(3, 6, 9,
        [
            1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            -1, -1, -1, -1, -1, -1, -1,
        ],
        [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);

    private static readonly Code Offsets = new(0, 5, 8,
        [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1], []);

    private readonly long[] _recent = [1, 4, 8];
    private byte[] _literals = [];
    private HuffmanTable? _huffman;
    private FseTable? _literalLengths;
    private FseTable? _offsets;
    private FseTable? _matchLengths;

    /// <exception cref="InvalidDataException">The block is malformed.</exception>
    public void Decode(ReadOnlySpan<byte> bytes)
    {
        var cursor = new ByteCursor(bytes);
        ReadOnlySpan<byte> literals = Literals(ref cursor);
        int count = cursor.Byte();
        count = count < 128 ? count : count < 255 ? ((count - 128) << 8) + cursor.Byte() : cursor.Byte() + (cursor.Byte() << 8) + 0x7F00;
        if (count > 0)
        {
            int modes = cursor.Byte();
            _literalLengths = LiteralLengths.Read(ref cursor, modes >> 6, _literalLengths);
            _offsets = Offsets.Read(ref cursor, (modes >> 4) & 3, _offsets);
            _matchLengths = MatchLengths.Read(ref cursor, (modes >> 2) & 3, _matchLengths);
            Sequences(cursor.Take(cursor.Remaining), count, ref literals);
        }

        sink.Append(literals);
    }

    private ReadOnlySpan<byte> Literals(ref ByteCursor cursor)
    {
        int first = cursor.Byte(), kind = first & 3, format = (first >> 2) & 3;
        if (kind < 2)
        {
            int size = format switch
            {
                0 or 2 => first >> 3,
                1 => (first >> 4) | (cursor.Byte() << 4),
                _ => (first >> 4) | (cursor.Byte() << 4) | (cursor.Byte() << 12),
            };
            if (kind == 0)
            {
                return cursor.Take(size);
            }

            Span<byte> run = Room(size);
            run.Fill(cursor.Byte());
            return run;
        }

        int width = format < 2 ? 10 : format == 2 ? 14 : 18;
        ulong sizes = 0;
        for (int i = 0; i < (2 * width + 4) / 8 - 1; i++)
        {
            sizes |= (ulong)cursor.Byte() << (8 * i);
        }

        sizes = (sizes << 4) | (uint)(first >> 4);
        Span<byte> literals = Room((int)(sizes & ((1UL << width) - 1)));
        ReadOnlySpan<byte> packed = cursor.Take((int)(sizes >> width));
        if (kind == 2)
        {
            _huffman = HuffmanTable.Read(packed, out int read);
            packed = packed[read..];
        }

        Decode(_huffman ?? throw new InvalidDataException("literals repeat a prefix code that is not there"), packed, literals, format != 0);
        return literals;
    }

    private static void Decode(HuffmanTable table, ReadOnlySpan<byte> packed, Span<byte> literals, bool inFour)
    {
        if (!inFour)
        {
            table.Decode(packed, literals);
            return;
        }

        var cursor = new ByteCursor(packed);
        ReadOnlySpan<byte> sizes = cursor.Take(6);
        int each = (literals.Length + 3) / 4;
        for (int stream = 0; stream < 4; stream++)
        {
            ReadOnlySpan<byte> bytes = cursor.Take(stream < 3 ? BinaryPrimitives.ReadUInt16LittleEndian(sizes[(2 * stream)..]) : cursor.Remaining);
            int from = Math.Min(stream * each, literals.Length);
            table.Decode(bytes, stream < 3 ? literals[from..Math.Min(from + each, literals.Length)] : literals[from..]);
        }
    }

    private Span<byte> Room(int size)
    {
        if (size > Zstandard.MaxBlock)
        {
            throw new InvalidDataException("a block has too many literals");
        }

        _literals = _literals.Length >= size ? _literals : new byte[size];
        return _literals.AsSpan(0, size);
    }

    private void Sequences(ReadOnlySpan<byte> bytes, int count, ref ReadOnlySpan<byte> literals)
    {
        var bits = new BackwardBits(bytes);
        uint literal = _literalLengths!.First(ref bits), offset = _offsets!.First(ref bits), match = _matchLengths!.First(ref bits);
        for (int i = 0; i < count; i++)
        {
            int power = _offsets.Symbol(offset);
            long value = power <= 31 ? (1L << power) + bits.Read(power) : throw new InvalidDataException("an offset is too large");
            int matchLength = MatchLengths.Value(_matchLengths.Symbol(match), ref bits);
            int literalLength = LiteralLengths.Value(_literalLengths.Symbol(literal), ref bits);
            if (literalLength > literals.Length || bits.Left < 0)
            {
                throw new InvalidDataException("a sequence takes more literals or bits than there are");
            }

            sink.Append(literals[..literalLength]);
            literals = literals[literalLength..];
            sink.Repeat(Distance(value, literalLength == 0), matchLength);
            if (i < count - 1)
            {
                literal = _literalLengths.Next(literal, ref bits);
                match = _matchLengths.Next(match, ref bits);
                offset = _offsets.Next(offset, ref bits);
            }
        }

        if (bits.Left != 0)
        {
            throw new InvalidDataException("sequences do not end where they should");
        }
    }

    /// <summary>Values up to 3 stand for one of the last three distances, without literals for the next one and, at last, the newest less one.</summary>
    private long Distance(long value, bool noLiterals)
    {
        long index = value - 1 + (noLiterals ? 1 : 0);
        long distance = value > 3 ? value - 3 : index < 3 ? _recent[index] : _recent[0] - 1;
        if (value > 3 || index > 0)
        {
            _recent[2] = value <= 3 && index == 1 ? _recent[2] : _recent[1];
            _recent[1] = _recent[0];
            _recent[0] = distance;
        }

        return distance;
    }

    /// <summary>How one of the three numbers of a sequence is coded: symbols of consecutive ranges, the small ones of one number each.</summary>
    private sealed class Code
    {
        private readonly int _maxLog;
        private readonly int _symbols;
        private readonly FseTable _predefined;
        private readonly int[] _bases;
        private readonly int[] _bits;

        /// <param name="first">The number of symbol 0.</param>
        /// <param name="extra">Bits that follow the last symbols; those before have none.</param>
        public Code(int first, int log, int maxLog, short[] shares, int[] extra)
        {
            (_maxLog, _symbols, _predefined) = (maxLog, extra.Length > 0 ? shares.Length : 32, new FseTable(shares, log));
            _bits = [.. new int[shares.Length - extra.Length], .. extra];
            _bases = new int[shares.Length];
            for (int symbol = 0; symbol < shares.Length; symbol++)
            {
                _bases[symbol] = symbol == 0 ? first : _bases[symbol - 1] + (1 << _bits[symbol - 1]);
            }
        }

        public FseTable Read(ref ByteCursor cursor, int mode, FseTable? last)
        {
            switch (mode)
            {
                case 0:
                    return _predefined;
                case 1:
                    byte symbol = cursor.Byte();
                    return symbol < _symbols ? new FseTable(symbol) : throw new InvalidDataException("a sequence has an unknown symbol");
                case 2:
                    ByteCursor rest = cursor;
                    FseTable table = FseTable.Read(rest.Take(rest.Remaining), _maxLog, _symbols, out int read);
                    cursor.Take(read);
                    return table;
                default:
                    return last ?? throw new InvalidDataException("sequences repeat a table that is not there");
            }
        }

        public int Value(byte symbol, ref BackwardBits bits) => _bases[symbol] + (int)bits.Read(_bits[symbol]);
    }
}
