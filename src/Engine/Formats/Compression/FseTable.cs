using System.Numerics;

namespace FineTuneTool.Engine.Formats.Compression;

/// <summary>A decoding table of finite state entropy (RFC 8878, section 4.1.1): each state stands for a symbol and says how to find the next state.</summary>
internal sealed class FseTable
{
    private readonly byte[] _symbols;
    private readonly byte[] _bits;
    private readonly ushort[] _bases;

    /// <param name="shares">For each symbol how many states it has; −1 is one state of the full width.</param>
    /// <param name="log">Binary logarithm of the number of states, which the shares must add up to.</param>
    /// <exception cref="InvalidDataException">The shares do not fill the states.</exception>
    public FseTable(ReadOnlySpan<short> shares, int log)
    {
        int size = 1 << log, high = size;
        (Log, _symbols, _bits, _bases) = (log, new byte[size], new byte[size], new ushort[size]);
        Span<ushort> next = stackalloc ushort[shares.Length];
        for (int symbol = 0; symbol < shares.Length; symbol++)
        {
            next[symbol] = (ushort)Math.Abs(shares[symbol]);
            if (shares[symbol] == -1)
            {
                _symbols[--high] = (byte)symbol;
            }
        }

        int step = (size >> 1) + (size >> 3) + 3, position = 0;
        for (int symbol = 0; symbol < shares.Length; symbol++)
        {
            for (int i = 0; i < shares[symbol]; i++)
            {
                _symbols[position] = (byte)symbol;
                do
                {
                    position = (position + step) & (size - 1);
                }
                while (position >= high);
            }
        }

        for (int state = 0; state < size; state++)
        {
            int value = next[_symbols[state]]++;
            _bits[state] = (byte)(log - BitOperations.Log2((uint)value));
            _bases[state] = (ushort)((value << _bits[state]) - size);
        }
    }

    /// <summary>A table of one symbol, which takes no bits.</summary>
    public FseTable(byte symbol) => (_symbols, _bits, _bases) = ([symbol], [0], [0]);

    public int Log { get; }

    public byte Symbol(uint state) => _symbols[state];

    public uint First(ref BackwardBits bits) => bits.Read(Log);

    public uint Next(uint state, ref BackwardBits bits) => _bases[state] + bits.Read(_bits[state]);

    /// <summary>Reads the shares of symbols and makes their table.</summary>
    /// <param name="maxLog">The largest table that is allowed here.</param>
    /// <param name="read">Bytes that the description took.</param>
    /// <exception cref="InvalidDataException">The description is malformed.</exception>
    public static FseTable Read(ReadOnlySpan<byte> bytes, int maxLog, int maxSymbols, out int read)
    {
        int bit = 0;
        int log = Forward(bytes, ref bit, 4) + 5;
        if (log > maxLog)
        {
            throw new InvalidDataException($"a table of 2^{log} states is too large");
        }

        Span<short> shares = stackalloc short[maxSymbols];
        int symbols = 0;
        for (int left = 1 << log; left > 0;)
        {
            // Values up to left + 1 are written in the fewest bits; the small ones do without the last.
            int width = BitOperations.Log2((uint)left + 1) + 1;
            int value = Forward(bytes, ref bit, width);
            int low = (1 << (width - 1)) - 1, spare = (1 << width) - 2 - left;
            if ((value & low) < spare)
            {
                bit--;
                value &= low;
            }
            else if (value > low)
            {
                value -= spare;
            }

            Check(symbols < maxSymbols);
            shares[symbols++] = (short)(value - 1);
            left -= Math.Abs(value - 1);
            Check(left >= 0);
            for (int zeros = value == 1 ? 3 : 0; zeros == 3;)
            {
                zeros = Forward(bytes, ref bit, 2);
                symbols += zeros;
                Check(symbols <= maxSymbols);
            }
        }

        read = (bit + 7) / 8;
        Check(read <= bytes.Length);
        return new FseTable(shares[..symbols], log);
    }

    private static void Check(bool holds)
    {
        if (!holds)
        {
            throw new InvalidDataException("a table of shares is malformed");
        }
    }

    /// <summary>Bits from the begin on, the lowest of a byte first.</summary>
    private static int Forward(ReadOnlySpan<byte> bytes, ref int bit, int count)
    {
        int value = 0;
        for (int i = 0; i < count; i++, bit++)
        {
            value |= (bit >> 3) < bytes.Length ? ((bytes[bit >> 3] >> (bit & 7)) & 1) << i : 0;
        }

        return value;
    }
}
