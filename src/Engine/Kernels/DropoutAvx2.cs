using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Four Philox blocks (32 numbers) at a time. Each 64-bit lane holds one 32-bit word of a block in its low half; the high half holds
/// leftovers that the widening multiply ignores, so that a round is two multiplies, two shifts and four exclusive ors.
/// </summary>
internal sealed unsafe class DropoutAvx2 : DropoutKernel
{
    private const int Numbers = 32;

    private readonly DropoutScalar _first = new();

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Apply(in DropoutMask mask, ulong first, float* values, int count)
    {
        int i = (int)Math.Min((8 - first % 8) % 8, (ulong)count);
        _first.Apply(mask, first, values, i);
        Vector256<float> scale = Vector256.Create(mask.KeepScale);
        Vector256<ushort> threshold = Vector256.Create(mask.Threshold);
        Vector256<ulong> low = Vector256.Create(0xFFFFFFFFUL), multiplier0 = Vector256.Create(0xD2511F53UL), multiplier1 = Vector256.Create(0xCD9E8D57UL);
        float* rest = stackalloc float[Numbers];
        for (; i < count; i += Numbers)
        {
            bool isPart = count - i < Numbers;
            float* place = isPart ? rest : values + i;
            if (isPart)
            {
                new ReadOnlySpan<float>(values + i, count - i).CopyTo(new Span<float>(rest, Numbers));
            }

            Vector256<ulong> block = Vector256.Create((first + (ulong)i) >> 3) + Vector256.Create(0UL, 1, 2, 3);
            Vector256<ulong> c0 = block, c1 = block >> 32, c2 = Vector256.Create((ulong)mask.Random.Stream), c3 = c2 >> 32;
            uint k0 = (uint)mask.Random.Key, k1 = (uint)(mask.Random.Key >> 32);
            for (int round = 0; round < 10; round++)
            {
                Vector256<ulong> p0 = Avx2.Multiply(c0.AsUInt32(), multiplier0.AsUInt32());
                Vector256<ulong> p1 = Avx2.Multiply(c2.AsUInt32(), multiplier1.AsUInt32());
                c0 = (p1 >> 32) ^ c1 ^ Vector256.Create((ulong)k0);
                c2 = (p0 >> 32) ^ c3 ^ Vector256.Create((ulong)k1);
                c1 = p1;
                c3 = p0;
                k0 += 0x9E3779B9u;
                k1 += 0xBB67AE85u;
            }

            Vector256<ulong> even = (c0 & low) | (c1 << 32), odd = (c2 & low) | (c3 << 32);
            Vector256<ulong> blocks02 = Avx2.UnpackLow(even, odd), blocks13 = Avx2.UnpackHigh(even, odd);
            Keep(Avx2.Permute2x128(blocks02, blocks13, 0x20).AsUInt16(), threshold, scale, place);
            Keep(Avx2.Permute2x128(blocks02, blocks13, 0x31).AsUInt16(), threshold, scale, place + 16);
            if (isPart)
            {
                new ReadOnlySpan<float>(rest, count - i).CopyTo(new Span<float>(values + i, count - i));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(Vector256<ushort> numbers, Vector256<ushort> threshold, Vector256<float> scale, float* values)
    {
        Vector256<short> keep = Vector256.GreaterThanOrEqual(numbers, threshold).AsInt16();
        (Vector256.Load(values) * scale & Avx2.ConvertToVector256Int32(keep.GetLower()).AsSingle()).Store(values);
        (Vector256.Load(values + 8) * scale & Avx2.ConvertToVector256Int32(keep.GetUpper()).AsSingle()).Store(values + 8);
    }
}
