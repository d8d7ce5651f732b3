using System.Numerics;
using System.Runtime.Intrinsics;

namespace FineTuneTool.Engine.Data.Cleaning;

/// <summary>
/// Finds the first of the rows seen so far that is like a new one (locality-sensitive hashing over bands of a MinHash signature): rows that agree in a whole band
/// are compared, by 8 bits of each value. About 300 bytes a row; of rows that agree in a band with very many others only the first are compared.
/// </summary>
internal sealed class NearDuplicateIndex
{
    /// <summary>Like rows may be missed with this probability at most, where they are just as alike as the threshold says.</summary>
    private const double MissProbability = 0.01;

    private const int PageRows = 1 << 12;

    private readonly BandTable[] _bands;
    private readonly int _bandRows;
    private readonly int _fewestEqual;
    private readonly List<byte[]> _pages = [];
    private readonly List<int> _rows = [];

    /// <param name="threshold">The least share of shingles in common (Jaccard) of rows that are alike, above 0 and at most 1.</param>
    public NearDuplicateIndex(double threshold)
    {
        _bandRows = Enumerable.Range(1, MinHash.Size).TakeWhile(rows => rows == 1 || Misses(threshold, rows) <= MissProbability).Last();
        _bands = [.. Enumerable.Range(0, MinHash.Size / _bandRows).Select(_ => new BandTable())];

        // Values of rows that have nothing in common agree in 8 bits by chance once in 256.
        _fewestEqual = (int)Math.Ceiling(MinHash.Size * (threshold + ((1 - threshold) / 256)));
    }

    private static double Misses(double threshold, int rows) => Math.Pow(1 - Math.Pow(threshold, rows), MinHash.Size / rows);

    /// <summary>The number of the first row that is like the one with this signature; −1 where none is.</summary>
    public int Find(ReadOnlySpan<uint> signature)
    {
        Span<byte> bits = stackalloc byte[MinHash.Size];
        Bits(signature, bits);
        Span<int> found = stackalloc int[BandTable.MostOfKey];
        int best = int.MaxValue;
        for (int band = 0; band < _bands.Length; band++)
        {
            foreach (int entry in found[.._bands[band].Find(Key(signature, band), found)])
            {
                if (entry < best && Equal(bits, Row(entry)) >= _fewestEqual)
                {
                    best = entry;
                }
            }
        }

        return best == int.MaxValue ? -1 : _rows[best];
    }

    /// <param name="row">What <see cref="Find"/> gives for it; ascending.</param>
    public void Add(ReadOnlySpan<uint> signature, int row)
    {
        int entry = _rows.Count;
        if (entry % PageRows == 0)
        {
            _pages.Add(new byte[PageRows * MinHash.Size]);
        }

        _rows.Add(row);
        Bits(signature, Row(entry));
        for (int band = 0; band < _bands.Length; band++)
        {
            _bands[band].Add(Key(signature, band), entry);
        }
    }

    private Span<byte> Row(int entry) => _pages[entry / PageRows].AsSpan(entry % PageRows * MinHash.Size, MinHash.Size);

    private static void Bits(ReadOnlySpan<uint> signature, Span<byte> bits)
    {
        for (int i = 0; i < bits.Length; i++)
        {
            // The least of many values has high bits near 0; the low ones are spread evenly.
            bits[i] = (byte)signature[i];
        }
    }

    private static int Equal(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) =>
        BitOperations.PopCount(Vector512.Equals(Vector512.Create(a), Vector512.Create(b)).ExtractMostSignificantBits())
        + BitOperations.PopCount(Vector512.Equals(Vector512.Create(a[64..]), Vector512.Create(b[64..])).ExtractMostSignificantBits());

    private uint Key(ReadOnlySpan<uint> signature, int band)
    {
        ulong key = 0;
        foreach (uint value in signature.Slice(band * _bandRows, _bandRows))
        {
            key = (key ^ value) * 0x9E3779B97F4A7C15;
            key ^= key >> 29;
        }

        return (uint)(key >> 32);
    }

    /// <summary>Entries by key, open addressing; entries of one key follow each other.</summary>
    private sealed class BandTable
    {
        /// <summary>Entries of one key that are kept and compared.</summary>
        public const int MostOfKey = 32;

        private ulong[] _slots = new ulong[1 << 8];
        private int _count;

        /// <returns>How many entries of the key were found.</returns>
        public int Find(uint key, Span<int> found)
        {
            int count = 0;
            for (uint i = Home(key); _slots[i] != 0; i = (i + 1) & (uint)(_slots.Length - 1))
            {
                if ((uint)(_slots[i] >> 32) == key)
                {
                    found[count++] = (int)(uint)_slots[i] - 1;
                }
            }

            return count;
        }

        public void Add(uint key, int entry)
        {
            if (2 * ++_count > _slots.Length)
            {
                ulong[] old = _slots;
                _slots = new ulong[2 * old.Length];
                foreach (ulong slot in old.Where(slot => slot != 0))
                {
                    Insert((uint)(slot >> 32), slot);
                }
            }

            if (!Insert(key, ((ulong)key << 32) | (uint)(entry + 1)))
            {
                _count--;
            }
        }

        private bool Insert(uint key, ulong slot)
        {
            int ofKey = 0;
            uint i = Home(key);
            for (; _slots[i] != 0; i = (i + 1) & (uint)(_slots.Length - 1))
            {
                if ((uint)(_slots[i] >> 32) == key && ++ofKey == MostOfKey)
                {
                    return false;
                }
            }

            _slots[i] = slot;
            return true;
        }

        private uint Home(uint key) => key * 0x9E3779B1 >> (32 - BitOperations.Log2((uint)_slots.Length));
    }
}
