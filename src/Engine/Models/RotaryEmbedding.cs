using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// Turns query and key heads by their positions. Tables of cosines and sines grow to the longest document seen, never to a length that a file claims.
/// Where frequencies depend on the length (dynamic, longrope), each document gets those of its own length, so that packing changes nothing.
/// </summary>
internal sealed class RotaryEmbedding(Backend backend, RopeParameters rope, int dims) : IDisposable
{
    private const int MaxTables = 64;
    private readonly Dictionary<int, Table> _tables = [];

    /// <summary>x (T, heads·D) in place; documents start over at position 0.</summary>
    public void Apply(Tensor x, int heads, Pass pass, bool inverse = false)
    {
        if (!rope.DependsOnLength)
        {
            int positions = pass.Positions.Max() + 1;
            Turn(x, heads, pass.Positions, TableFor(positions, positions), inverse);
            return;
        }

        for (int document = 0; document + 1 < pass.DocumentStarts.Length; document++)
        {
            int start = pass.DocumentStarts[document], rows = pass.DocumentStarts[document + 1] - start;
            ReadOnlySpan<int> positions = pass.Positions.AsSpan(start, rows);
            int last = positions[^1] + 1;
            Turn(x.Rows(start, rows), heads, positions, TableFor(Math.Max(last, pass.DocumentLength), last), inverse);
        }
    }

    public void Dispose() => Clear();

    private void Turn(Tensor x, int heads, ReadOnlySpan<int> positions, Table table, bool inverse) =>
        backend.Rope(x, heads, positions, table.Cosines, table.Sines, inverse);

    /// <summary>The table of documents of that length, with so many positions or more.</summary>
    private Table TableFor(int length, int positions)
    {
        int key = rope.Variant(length);
        if (_tables.TryGetValue(key, out Table? table) && table.Positions >= positions)
        {
            return table;
        }

        if (_tables.Remove(key, out table))
        {
            table.Dispose();
        }

        if (_tables.Count >= MaxTables)
        {
            Clear();
        }

        int room = (int)Math.Min(int.MaxValue, System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(positions, 64)));
        return _tables[key] = new Table(backend, RotaryFrequencies.Compute(rope, dims, length), room);
    }

    private void Clear()
    {
        foreach (Table table in _tables.Values)
        {
            table.Dispose();
        }

        _tables.Clear();
    }

    /// <summary>Cosines and sines (positions, dims / 2) of float angles, as the reference computes them.</summary>
    private sealed class Table : IDisposable
    {
        public Table(Backend backend, RotaryFrequencies frequencies, int positions)
        {
            Positions = positions;
            int pairs = frequencies.Inverse.Length;
            Cosines = backend.Allocate(new Shape(positions, pairs));
            Sines = backend.Allocate(new Shape(positions, pairs));
            float[] cosines = new float[pairs], sines = new float[pairs];
            for (int position = 0; position < positions; position++)
            {
                for (int i = 0; i < pairs; i++)
                {
                    (double sine, double cosine) = Math.SinCos(position * frequencies.Inverse[i]);
                    cosines[i] = (float)cosine * frequencies.Magnitude;
                    sines[i] = (float)sine * frequencies.Magnitude;
                }

                backend.Write(Cosines, cosines, (long)position * pairs);
                backend.Write(Sines, sines, (long)position * pairs);
            }
        }

        public int Positions { get; }

        public Tensor Cosines { get; }

        public Tensor Sines { get; }

        public void Dispose()
        {
            Cosines.Dispose();
            Sines.Dispose();
        }
    }
}
