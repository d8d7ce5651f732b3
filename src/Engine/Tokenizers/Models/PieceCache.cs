using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FineTuneTool.Engine.Tokenizers.Models;

/// <summary>
/// Remembers how short pieces were spelt; most pieces of natural text come again. One thread's own: nothing in it is locked.
/// A piece has exactly one place, where a newer piece replaces it. It never changes a result.
/// </summary>
internal sealed class PieceCache
{
    /// <summary>The longest piece that is remembered, in bytes.</summary>
    public const int MaxBytes = 31;

    private const int Slots = 1 << 14;

    private readonly Entry[] _entries = new Entry[Slots];

    /// <summary>The spelling of a piece of 1 to <see cref="MaxBytes"/> bytes. On a miss, the place to <see cref="Store"/> it in is returned.</summary>
    public bool Find(ReadOnlySpan<byte> piece, out Key key, out ReadOnlySpan<int> ids, out ReadOnlySpan<int> lengths)
    {
        key = new Key(piece);
        ref Entry entry = ref _entries[key.Slot & (Slots - 1)];
        if (entry.Ids is { } found && entry.Key == key)
        {
            ids = found;
            lengths = entry.Lengths;
            return true;
        }

        ids = lengths = [];
        return false;
    }

    public void Store(Key key, ReadOnlySpan<int> ids, ReadOnlySpan<int> lengths) =>
        _entries[key.Slot & (Slots - 1)] = new Entry(key, ids.ToArray(), lengths.ToArray());

    /// <summary>The bytes themselves, padded with zeros, and their count in the last byte.</summary>
    public readonly record struct Key
    {
        private readonly ulong _a;
        private readonly ulong _b;
        private readonly ulong _c;
        private readonly ulong _d;

        public Key(ReadOnlySpan<byte> piece)
        {
            Bytes bytes = default;
            Span<byte> buffer = bytes;
            piece.CopyTo(buffer);
            buffer[^1] = (byte)piece.Length;
            ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(buffer);
            (_a, _b, _c, _d) = (words[0], words[1], words[2], words[3]);
        }

        public int Slot
        {
            get
            {
                ulong hash = _a * 0x9E3779B97F4A7C15;
                hash = (hash ^ (hash >> 32) ^ _b) * 0xBF58476D1CE4E5B9;
                hash = (hash ^ (hash >> 29) ^ _c) * 0x94D049BB133111EB;
                hash = (hash ^ (hash >> 31) ^ _d) * 0x9E3779B97F4A7C15;
                return (int)(hash >> 40);
            }
        }
    }

    [InlineArray(MaxBytes + 1)]
    private struct Bytes
    {
        private byte _first;
    }

    private readonly record struct Entry(Key Key, int[]? Ids, int[]? Lengths);
}
