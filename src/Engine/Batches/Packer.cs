using System.Numerics;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Batches;

/// <summary>Puts examples into rows of at most MaxSeqLength tokens, so that little of a row stays unused.</summary>
public static class Packer
{
    /// <summary>
    /// Best fit, decreasing (the "bfd" of TRL): the longest example first, equal lengths in input order; each goes into the row
    /// with the least space that suffices, of equals the one that has waited longest, else into a new row.
    /// </summary>
    /// <param name="lengths">Tokens of each example, 1 … <paramref name="maxSeqLength"/>.</param>
    /// <returns>Rows in the order they were opened, each with the indices of its examples in the order they were put in.</returns>
    /// <exception cref="FineTuneException">FT0105: an example is longer than a row.</exception>
    public static int[][] BestFitDecreasing(ReadOnlySpan<int> lengths, int maxSeqLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxSeqLength, 1);
        int[] order = DescendingByLength(lengths, maxSeqLength);
        List<List<int>> rows = [];
        var open = new Dictionary<int, Queue<int>>();
        ulong[] spaces = new ulong[(maxSeqLength >> 6) + 1];
        foreach (int example in order)
        {
            int length = lengths[example];
            int space = LeastSpace(spaces, length);
            int row;
            if (space < 0)
            {
                row = rows.Count;
                space = maxSeqLength;
                rows.Add([]);
            }
            else
            {
                Queue<int> waiting = open[space];
                row = waiting.Dequeue();
                if (waiting.Count == 0)
                {
                    spaces[space >> 6] &= ~(1UL << space);
                }
            }

            rows[row].Add(example);
            int left = space - length;
            if (left > 0)
            {
                if (!open.TryGetValue(left, out Queue<int>? queue))
                {
                    open.Add(left, queue = new Queue<int>());
                }

                queue.Enqueue(row);
                spaces[left >> 6] |= 1UL << left;
            }
        }

        return [.. rows.Select(row => row.ToArray())];
    }

    /// <summary>Counting sort: stable and linear.</summary>
    private static int[] DescendingByLength(ReadOnlySpan<int> lengths, int maxSeqLength)
    {
        int[] next = new int[maxSeqLength + 2];
        foreach (int length in lengths)
        {
            if (length < 1 || length > maxSeqLength)
            {
                throw new FineTuneException(Codes.RowTooLong, $"An example of {length} tokens does not fit rows of {maxSeqLength}.",
                    "Preprocess with the same MaxSeqLength as the one used for training.");
            }

            next[length]++;
        }

        int before = 0;
        for (int length = maxSeqLength; length >= 1; length--)
        {
            (next[length], before) = (before, before + next[length]);
        }

        int[] order = new int[lengths.Length];
        for (int i = 0; i < lengths.Length; i++)
        {
            order[next[lengths[i]]++] = i;
        }

        return order;
    }

    /// <summary>The smallest space ≥ <paramref name="length"/> that a row has, −1 for none; bit s of the set = some row has s left.</summary>
    private static int LeastSpace(ulong[] spaces, int length)
    {
        int word = length >> 6;
        ulong bits = spaces[word] & (ulong.MaxValue << length);
        while (bits == 0)
        {
            if (++word == spaces.Length)
            {
                return -1;
            }

            bits = spaces[word];
        }

        return (word << 6) + BitOperations.TrailingZeroCount(bits);
    }
}
