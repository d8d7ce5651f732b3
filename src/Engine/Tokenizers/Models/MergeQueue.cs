using System.Buffers;

namespace FineTuneTool.Engine.Tokenizers.Models;

/// <summary>
/// Candidate merges of a long word, the smallest rank first and of equals the leftmost. Those of the untouched word are sorted once; the few that
/// merges bring wait in a heap.
/// </summary>
internal ref struct MergeQueue
{
    private ulong[] _first;
    private ulong[] _heap;
    private int _firstCount;
    private int _taken;
    private int _heapCount;
    private bool _started;

    public MergeQueue(int length)
    {
        _first = ArrayPool<ulong>.Shared.Rent(length);
        _heap = ArrayPool<ulong>.Shared.Rent(64);
    }

    /// <summary>Adds what the token at a place makes with the one after it, if anything.</summary>
    public void Consider(MergeTable merges, ReadOnlySpan<int> ids, ReadOnlySpan<int> next, int position)
    {
        if (next[position] < 0)
        {
            return;
        }

        Merge merge = merges.Find(ids[position], ids[next[position]]);
        if (merge.Id < 0)
        {
            return;
        }

        ulong key = ((ulong)(uint)merge.Rank << 32) | (uint)position;
        if (_started)
        {
            Push(key);
        }
        else
        {
            _first[_firstCount++] = key;
        }
    }

    public bool TryTake(out int rank, out int position)
    {
        if (!_started)
        {
            _started = true;
            _first.AsSpan(0, _firstCount).Sort();
        }

        ulong key;
        if (_taken < _firstCount && (_heapCount == 0 || _first[_taken] <= _heap[0]))
        {
            key = _first[_taken++];
        }
        else if (_heapCount > 0)
        {
            key = Pop();
        }
        else
        {
            (rank, position) = (0, 0);
            return false;
        }

        (rank, position) = ((int)(key >> 32), (int)(uint)key);
        return true;
    }

    /// <summary>Gives the memory back; the queue cannot be used after it.</summary>
    public void Return()
    {
        ArrayPool<ulong>.Shared.Return(_first);
        ArrayPool<ulong>.Shared.Return(_heap);
        (_first, _heap) = ([], []);
    }

    private void Push(ulong key)
    {
        if (_heapCount == _heap.Length)
        {
            ulong[] larger = ArrayPool<ulong>.Shared.Rent(2 * _heapCount);
            _heap.CopyTo(larger, 0);
            ArrayPool<ulong>.Shared.Return(_heap);
            _heap = larger;
        }

        int at = _heapCount++;
        while (at > 0 && _heap[(at - 1) / 2] > key)
        {
            _heap[at] = _heap[(at - 1) / 2];
            at = (at - 1) / 2;
        }

        _heap[at] = key;
    }

    private ulong Pop()
    {
        ulong top = _heap[0];
        ulong last = _heap[--_heapCount];
        int at = 0;
        for (int child = 1; child < _heapCount; child = (2 * at) + 1)
        {
            child += child + 1 < _heapCount && _heap[child + 1] < _heap[child] ? 1 : 0;
            if (_heap[child] >= last)
            {
                break;
            }

            _heap[at] = _heap[child];
            at = child;
        }

        _heap[at] = last;
        return top;
    }
}
