using System.Runtime.Intrinsics;

namespace FineTuneTool.Engine.Data.Cleaning;

/// <summary>
/// MinHash signatures (Broder 1997): of each of <see cref="Size"/> hash functions the least value over a row's shingles. The share of equal values of two rows
/// estimates the share of shingles that they have in common (Jaccard), with a standard error of at most 0.045.
/// </summary>
internal static class MinHash
{
    public const int Size = 128;

    /// <summary>Rows with fewer shingles of their own are not compared.</summary>
    public const int FewestShingles = 12;

    private static readonly uint[] Salts = Numbers(0x2545F491, odd: false);
    private static readonly uint[] Factors = Numbers(0x6C078965, odd: true);

    /// <summary>The least values over some shingles; null where there are too few to say anything.</summary>
    public static uint[]? Signature(ReadOnlySpan<uint> shingles)
    {
        if (shingles.Length < FewestShingles)
        {
            return null;
        }

        uint[] least = new uint[Size];
        int lanes = 4 * Vector512<uint>.Count;
        for (int first = 0; first < Size; first += lanes)
        {
            Least(shingles, Salts.AsSpan(first, lanes), Factors.AsSpan(first, lanes), least.AsSpan(first, lanes));
        }

        return least;
    }

    /// <summary>64 functions at once, in four registers.</summary>
    private static void Least(ReadOnlySpan<uint> shingles, ReadOnlySpan<uint> salts, ReadOnlySpan<uint> factors, Span<uint> least)
    {
        Vector512<uint> s0 = Vector512.Create(salts), s1 = Vector512.Create(salts[16..]), s2 = Vector512.Create(salts[32..]), s3 = Vector512.Create(salts[48..]);
        Vector512<uint> f0 = Vector512.Create(factors), f1 = Vector512.Create(factors[16..]), f2 = Vector512.Create(factors[32..]), f3 = Vector512.Create(factors[48..]);
        Vector512<uint> m0 = Vector512<uint>.AllBitsSet, m1 = m0, m2 = m0, m3 = m0;
        foreach (uint shingle in shingles)
        {
            Vector512<uint> x = Vector512.Create(shingle);
            m0 = Vector512.Min(m0, (x ^ s0) * f0);
            m1 = Vector512.Min(m1, (x ^ s1) * f1);
            m2 = Vector512.Min(m2, (x ^ s2) * f2);
            m3 = Vector512.Min(m3, (x ^ s3) * f3);
        }

        m0.CopyTo(least);
        m1.CopyTo(least[16..]);
        m2.CopyTo(least[32..]);
        m3.CopyTo(least[48..]);
    }

    /// <summary>Numbers without pattern (xorshift32).</summary>
    private static uint[] Numbers(uint seed, bool odd)
    {
        uint[] numbers = new uint[Size];
        for (int i = 0; i < Size; i++)
        {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            numbers[i] = odd ? seed | 1 : seed;
        }

        return numbers;
    }
}
