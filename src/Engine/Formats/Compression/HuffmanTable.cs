using System.Numerics;

namespace FineTuneTool.Engine.Formats.Compression;

/// <summary>The prefix code of a block's literals (RFC 8878, section 4.2): the next bits are an index into a table of symbols.</summary>
internal sealed class HuffmanTable
{
    private const int MaxBits = 11;
    private const int MaxSymbols = 256;

    private readonly int _log;
    private readonly byte[] _symbols;
    private readonly byte[] _bits;

    /// <param name="weights">A symbol of weight w has 2^(w−1) of the table's entries; 0 = it does not occur. The last symbol's is what is left.</param>
    private HuffmanTable(Span<byte> weights, int known)
    {
        uint sum = 0;
        foreach (byte weight in weights[..known])
        {
            sum += weight > 0 ? 1U << (weight - 1) : 0;
        }

        _log = sum == 0 ? 0 : BitOperations.Log2(sum) + 1;
        uint left = (1U << _log) - sum;
        if (sum == 0 || _log > MaxBits || !BitOperations.IsPow2(left))
        {
            throw new InvalidDataException("the weights of a prefix code do not fill it");
        }

        weights[known] = (byte)(BitOperations.Log2(left) + 1);
        (_symbols, _bits) = (new byte[1 << _log], new byte[1 << _log]);
        int next = 0;
        for (int weight = 1; weight <= _log; weight++)
        {
            for (int symbol = 0; symbol <= known; symbol++)
            {
                if (weights[symbol] == weight)
                {
                    _symbols.AsSpan(next, 1 << (weight - 1)).Fill((byte)symbol);
                    _bits.AsSpan(next, 1 << (weight - 1)).Fill((byte)(_log + 1 - weight));
                    next += 1 << (weight - 1);
                }
            }
        }
    }

    /// <param name="read">Bytes that the description took.</param>
    /// <exception cref="InvalidDataException">The description is malformed.</exception>
    public static HuffmanTable Read(ReadOnlySpan<byte> bytes, out int read)
    {
        var cursor = new ByteCursor(bytes);
        Span<byte> weights = stackalloc byte[MaxSymbols];
        int header = cursor.Byte(), known = header - 127;
        if (header >= 128)
        {
            ReadOnlySpan<byte> halves = cursor.Take((known + 1) / 2);
            for (int i = 0; i < known; i++)
            {
                weights[i] = (byte)(i % 2 == 0 ? halves[i / 2] >> 4 : halves[i / 2] & 15);
            }
        }
        else
        {
            known = ReadWeights(cursor.Take(header), weights);
        }

        read = cursor.Position;
        return weights[..known].ContainsAnyExceptInRange((byte)0, (byte)MaxBits) ? throw new InvalidDataException("a weight of a prefix code is too large")
            : new HuffmanTable(weights, known);
    }

    /// <summary>Decodes one stream of symbols, whose number is known.</summary>
    public void Decode(ReadOnlySpan<byte> bytes, Span<byte> symbols)
    {
        var bits = new BackwardBits(bytes);
        uint state = bits.Read(_log), mask = (1U << _log) - 1;
        for (int i = 0; i < symbols.Length; i++)
        {
            symbols[i] = _symbols[state];
            int width = _bits[state];
            state = ((state << width) & mask) | bits.Read(width);
        }

        if (bits.Left != -_log)
        {
            throw new InvalidDataException("a stream of literals does not end where it should");
        }
    }

    /// <summary>Weights are coded by two states in turn, until the bits are used up.</summary>
    private static int ReadWeights(ReadOnlySpan<byte> bytes, Span<byte> weights)
    {
        FseTable table = FseTable.Read(bytes, maxLog: 6, maxSymbols: MaxBits + 2, out int read);
        var bits = new BackwardBits(bytes[read..]);
        uint one = table.First(ref bits), other = table.First(ref bits);
        int count = 0;
        while (count < MaxSymbols - 2)
        {
            weights[count++] = table.Symbol(one);
            one = table.Next(one, ref bits);
            if (bits.Left < 0)
            {
                weights[count++] = table.Symbol(other);
                return count;
            }

            (one, other) = (other, one);
        }

        throw new InvalidDataException("a prefix code has too many weights");
    }
}
