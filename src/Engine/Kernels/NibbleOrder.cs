using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// The order of a left vector for stored nibbles that are read as 32-bit words: a group is 16 words, 128 numbers. Vector s of a group
/// (s = 0 … 7) holds in lane l the element that is nibble s of word l. After the eight vectors come the sums, lane by lane, of the
/// even and of the odd ones: even nibbles are the lower halves of bytes.
/// </summary>
internal sealed unsafe class NibbleOrder
{
    /// <summary>Numbers of a group.</summary>
    public const int Elements = 128;

    /// <summary>Places in a prepared group, which is <see cref="Floats"/> long.</summary>
    public const int EvenSums = 8 * 16, OddSums = 9 * 16, Floats = 10 * 16;

    /// <summary>Blocks of 32 as in Q4_0: byte j holds element j in its lower half and j + 16 in its upper one.</summary>
    public static readonly NibbleOrder Halves32 = new((at, upper) => at / 16 * 32 + at % 16 + (upper ? 16 : 0));

    /// <summary>Runs of 64 as in Q4_K: byte j holds element j in its lower half and j + 32 in its upper one.</summary>
    public static readonly NibbleOrder Halves64 = new((at, upper) => at / 32 * 64 + at % 32 + (upper ? 32 : 0));

    /// <summary>As in NF4: each byte holds two neighbours, the first in its upper half.</summary>
    public static readonly NibbleOrder Neighbours = new((at, upper) => 2 * at + (upper ? 0 : 1));

    private readonly int[] _elements;

    /// <param name="element">Which element of the group byte 0 … 63 holds in its lower or upper half.</param>
    private NibbleOrder(Func<int, bool, int> element) =>
        _elements = [.. Enumerable.Range(0, Elements).Select(i => element(i % 16 * 4 + i / 16 / 2, i / 16 % 2 == 1))];

    public static int PreparedFloats(int depth) => (depth + Elements - 1) / Elements * Floats;

    /// <summary>What is missing of the last group becomes zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Prepare(float* x, int depth, float* prepared)
    {
        fixed (int* element = _elements)
        {
            for (int first = 0; first < depth; first += Elements, prepared += Floats)
            {
                float* group = x + first;
                int present = depth - first;
                for (int i = 0; i < Elements && present >= Elements; i++)
                {
                    prepared[i] = group[element[i]];
                }

                for (int i = 0; i < Elements && present < Elements; i++)
                {
                    prepared[i] = element[i] < present ? group[element[i]] : 0;
                }

                for (int parity = 0; parity < 2; parity++)
                {
                    float* from = prepared + 16 * parity;
                    Vector512<float> sums = Vector512.Load(from) + Vector512.Load(from + 32) + (Vector512.Load(from + 64) + Vector512.Load(from + 96));
                    sums.Store(prepared + (parity == 0 ? EvenSums : OddSums));
                }
            }
        }
    }
}
