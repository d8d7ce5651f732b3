namespace FineTuneTool.Engine.Tokenizers.Models;

/// <summary>What a pair of neighbouring tokens becomes: the rank of the merge (smaller first) and the id of the result.</summary>
internal readonly record struct Merge(int Rank, int Id)
{
    public static readonly Merge None = new(int.MaxValue, -1);
}

/// <summary>Merges by pair of ids: one open-addressing table, never more than half full.</summary>
internal sealed class MergeTable
{
    private const ulong Empty = ulong.MaxValue;

    private readonly ulong[] _keys;
    private readonly Merge[] _merges;
    private readonly int _mask;

    public MergeTable(int count)
    {
        int size = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, (count * 2) + 2));
        _keys = new ulong[size];
        _merges = new Merge[size];
        _mask = size - 1;
        Array.Fill(_keys, Empty);
    }

    /// <summary>Sets the merge of a pair; a later one replaces an earlier one.</summary>
    public void Set(int left, int right, Merge merge)
    {
        ulong key = Key(left, right);
        int slot = Slot(key);
        while (_keys[slot] != Empty && _keys[slot] != key)
        {
            slot = (slot + 1) & _mask;
        }

        _keys[slot] = key;
        _merges[slot] = merge;
    }

    public Merge Find(int left, int right)
    {
        ulong key = Key(left, right);
        for (int slot = Slot(key); ; slot = (slot + 1) & _mask)
        {
            ulong found = _keys[slot];
            if (found == key)
            {
                return _merges[slot];
            }

            if (found == Empty)
            {
                return Merge.None;
            }
        }
    }

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    private int Slot(ulong key) => (int)((key * 0x9E3779B97F4A7C15) >> 32) & _mask;
}
