using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Eight Philox blocks (64 numbers) at a time. Each 64-bit lane holds one 32-bit word of a block in its low half; the high half holds
/// leftovers that the widening multiply ignores, so that a round is two multiplies, two shifts and two three-way exclusive ors.
/// </summary>
internal sealed unsafe class DropoutAvx512 : DropoutKernel
{
    private const int Numbers = 64;

    private readonly DropoutScalar _first = new();

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Apply(in DropoutMask mask, ulong first, float* values, int count)
    {
        int i = (int)Math.Min((8 - first % 8) % 8, (ulong)count);
        _first.Apply(mask, first, values, i);
        Vector512<float> scale = Vector512.Create(mask.KeepScale);
        Vector512<ushort> threshold = Vector512.Create(mask.Threshold);
        Vector512<ulong> firstPairs = Vector512.Create(0UL, 8, 1, 9, 2, 10, 3, 11), lastPairs = Vector512.Create(4UL, 12, 5, 13, 6, 14, 7, 15);
        Vector512<ulong> low = Vector512.Create(0xFFFFFFFFUL), multiplier0 = Vector512.Create(0xD2511F53UL), multiplier1 = Vector512.Create(0xCD9E8D57UL);
        float* rest = stackalloc float[Numbers];
        for (; i < count; i += Numbers)
        {
            bool isPart = count - i < Numbers;
            float* place = isPart ? rest : values + i;
            if (isPart)
            {
                new ReadOnlySpan<float>(values + i, count - i).CopyTo(new Span<float>(rest, Numbers));
            }

            Vector512<ulong> block = Vector512.Create((first + (ulong)i) >> 3) + Vector512.Create(0UL, 1, 2, 3, 4, 5, 6, 7);
            Vector512<ulong> c0 = block, c1 = block >> 32, c2 = Vector512.Create((ulong)mask.Random.Stream), c3 = c2 >> 32;
            uint k0 = (uint)mask.Random.Key, k1 = (uint)(mask.Random.Key >> 32);
            for (int round = 0; round < 10; round++)
            {
                Vector512<ulong> p0 = Avx512F.Multiply(c0.AsUInt32(), multiplier0.AsUInt32());
                Vector512<ulong> p1 = Avx512F.Multiply(c2.AsUInt32(), multiplier1.AsUInt32());
                c0 = (p1 >> 32) ^ c1 ^ Vector512.Create((ulong)k0);
                c2 = (p0 >> 32) ^ c3 ^ Vector512.Create((ulong)k1);
                c1 = p1;
                c3 = p0;
                k0 += 0x9E3779B9u;
                k1 += 0xBB67AE85u;
            }

            Vector512<ulong> even = (c0 & low) | (c1 << 32), odd = (c2 & low) | (c3 << 32);
            Keep(Avx512F.PermuteVar8x64x2(even, firstPairs, odd).AsUInt16(), threshold, scale, place);
            Keep(Avx512F.PermuteVar8x64x2(even, lastPairs, odd).AsUInt16(), threshold, scale, place + 32);
            if (isPart)
            {
                new ReadOnlySpan<float>(rest, count - i).CopyTo(new Span<float>(values + i, count - i));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(Vector512<ushort> numbers, Vector512<ushort> threshold, Vector512<float> scale, float* values)
    {
        Vector512<short> keep = Vector512.GreaterThanOrEqual(numbers, threshold).AsInt16();
        (Vector512.Load(values) * scale & Avx512F.ConvertToVector512Int32(keep.GetLower()).AsSingle()).Store(values);
        (Vector512.Load(values + 16) * scale & Avx512F.ConvertToVector512Int32(keep.GetUpper()).AsSingle()).Store(values + 16);
    }
}
