namespace FineTuneTool.Engine.Data.Cleaning;

/// <summary>
/// Shingles that many rows of a data set share: instructions, system prompts and other text that stands in rows which are not alike. They do not count
/// when rows are compared, else rows that fill in the same form would all be near-duplicates. Learnt from the first rows of every source.
/// </summary>
internal sealed class Boilerplate
{
    /// <summary>Rows of each source that are looked at.</summary>
    public const int SampleRows = 512;

    /// <summary>A shingle counts as shared from so many rows on, or from this share of the sample, whichever is more.</summary>
    private const int FewestRows = 6;
    private const double Share = 0.02;

    private readonly HashSet<uint> _shared = [];

    // One bit for each value of the lower 16 bits of a shared shingle: most others are ruled out by one look.
    private readonly ulong[] _bits = new ulong[1 << 10];

    /// <summary>Adds what the rows of one sample share.</summary>
    /// <param name="rows">The shingles of each row.</param>
    public void Learn(IReadOnlyCollection<IReadOnlyList<uint>> rows)
    {
        var counts = new Dictionary<uint, (int Rows, int Last)>();
        int number = 0;
        foreach (IReadOnlyList<uint> row in rows)
        {
            number++;
            foreach (uint shingle in row)
            {
                (int count, int last) = counts.GetValueOrDefault(shingle);
                counts[shingle] = last == number ? (count, last) : (count + 1, number);
            }
        }

        double most = Math.Max(FewestRows, Share * rows.Count);
        foreach ((uint shingle, (int count, _)) in counts)
        {
            if (count >= most && _shared.Add(shingle))
            {
                _bits[(ushort)shingle >> 6] |= 1UL << (int)(shingle & 63);
            }
        }
    }

    public bool Contains(uint shingle) => (_bits[(ushort)shingle >> 6] >> (int)(shingle & 63) & 1) != 0 && _shared.Contains(shingle);
}
