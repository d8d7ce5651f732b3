using System.Buffers;
using System.Runtime.CompilerServices;

namespace FineTuneTool.Engine.Tokenizers.Models;

/// <summary>
/// The merge loop of byte pair encoding: again and again the neighbouring pair with the smallest rank, leftmost of equals, becomes
/// one token, until no pair has a merge. (Sennrich et al. 2016; order as in the reference library's word merger.)
/// </summary>
internal static class BpeWord
{
    /// <summary>Up to here a scan over all ranks beats a queue.</summary>
    private const int ScanLimit = 48;

    /// <summary>Merges in place and returns how many tokens are left. <paramref name="lengths"/> are added up with the tokens.</summary>
    public static int Merge(Span<int> ids, Span<int> lengths, MergeTable merges) =>
        ids.Length <= ScanLimit ? MergeByScan(ids, lengths, merges) : MergeByQueue(ids, lengths, merges);

    [SkipLocalsInit]
    private static int MergeByScan(Span<int> ids, Span<int> lengths, MergeTable merges)
    {
        int count = ids.Length;
        Span<Merge> pairs = stackalloc Merge[ScanLimit];
        for (int i = 0; i + 1 < count; i++)
        {
            pairs[i] = merges.Find(ids[i], ids[i + 1]);
        }

        while (count > 1)
        {
            int best = 0;
            for (int i = 1; i + 1 < count; i++)
            {
                if (pairs[i].Rank < pairs[best].Rank)
                {
                    best = i;
                }
            }

            if (pairs[best].Id < 0)
            {
                break;
            }

            ids[best] = pairs[best].Id;
            lengths[best] += lengths[best + 1];
            ids[(best + 2)..count].CopyTo(ids[(best + 1)..]);
            lengths[(best + 2)..count].CopyTo(lengths[(best + 1)..]);
            if (best + 2 < count)
            {
                pairs[(best + 2)..count].CopyTo(pairs[(best + 1)..]);
            }

            count--;
            if (best > 0)
            {
                pairs[best - 1] = merges.Find(ids[best - 1], ids[best]);
            }

            if (best + 1 < count)
            {
                pairs[best] = merges.Find(ids[best], ids[best + 1]);
            }
        }

        return count;
    }

    /// <summary>As the scan, in n log n: a queue of candidate merges, of which outdated ones are skipped when they come up.</summary>
    private static int MergeByQueue(Span<int> ids, Span<int> lengths, MergeTable merges)
    {
        int[] links = ArrayPool<int>.Shared.Rent(2 * ids.Length);
        Span<int> previous = links.AsSpan(0, ids.Length);
        Span<int> next = links.AsSpan(ids.Length, ids.Length);
        var queue = new MergeQueue(ids.Length);
        for (int i = 0; i < ids.Length; i++)
        {
            previous[i] = i - 1;
            next[i] = i + 1 < ids.Length ? i + 1 : -1;
            queue.Consider(merges, ids, next, i);
        }

        while (queue.TryTake(out int rank, out int left))
        {
            int right = next[left];
            if (lengths[left] == 0 || right < 0)
            {
                continue;
            }

            Merge merge = merges.Find(ids[left], ids[right]);
            if (merge.Rank != rank || merge.Id < 0)
            {
                continue;
            }

            ids[left] = merge.Id;
            lengths[left] += lengths[right];
            lengths[right] = 0;
            next[left] = next[right];
            if (next[left] >= 0)
            {
                previous[next[left]] = left;
            }

            if (previous[left] >= 0)
            {
                queue.Consider(merges, ids, next, previous[left]);
            }

            queue.Consider(merges, ids, next, left);
        }

        int count = 0;
        for (int i = 0; i >= 0; i = next[i])
        {
            ids[count] = ids[i];
            lengths[count++] = lengths[i];
        }

        queue.Return();
        ArrayPool<int>.Shared.Return(links);
        return count;
    }
}
