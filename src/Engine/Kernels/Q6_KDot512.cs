using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// x · (d·scale·(q − 32)) for the sixteen sub-blocks of each 210 bytes: 128 bytes of low nibbles, 64 bytes of upper two bits, i8 scales[16], F16 d.
/// Of each 128 numbers, 64 have the low nibbles of 64 bytes, the next 64 the high ones; 32 bytes hold the upper bits of all.
/// </summary>
internal sealed unsafe class Q6_KDot512 : StoredDotKernel
{
    private const int BlockBytes = 210;

    public override ElementType Type => ElementType.Q6_K;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Dots(byte* rows, long rowBytes, int count, float* x, int depth, float* dots)
    {
        float* halves = F16Table.Floats, factors = stackalloc float[16];
        Vector512<byte> nibble = Vector512.Create((byte)15), upper = Vector512.Create((byte)0x30);
        Vector512<sbyte> middle = Vector512.Create((sbyte)32);
        Vector512<float>* sums = stackalloc Vector512<float>[4];
        for (int i = 0; i < count; i++)
        {
            float* left = x;
            Vector512<float> lower = Vector512<float>.Zero, higher = lower;
            for (byte* block = rows + i * rowBytes, end = block + depth / 256 * BlockBytes; block < end; block += BlockBytes)
            {
                Vector512<float> scales = Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)block + 192)));
                (scales * Vector512.Create(halves[*(ushort*)(block + 208)])).Store(factors);
                for (int half = 0; half < 2; half++, left += 128)
                {
                    Vector512<byte> low = Vector512.Load(block + 64 * half);
                    Vector256<ushort> high = Vector256.Load(block + 128 + 32 * half).AsUInt16();
                    Vector512<byte> first = (low & nibble) | (Vector512.Create(high << 4, high << 2).AsByte() & upper);
                    Vector512<byte> second = ((low.AsUInt16() >> 4).AsByte() & nibble) | (Vector512.Create(high, high >> 2).AsByte() & upper);
                    lower = Add(lower, first.AsSByte() - middle, left, factors + 8 * half);
                    higher = Add(higher, second.AsSByte() - middle, left + 64, factors + 8 * half + 4);
                }
            }

            sums[i % 4] = lower + higher;
            if (i % 4 == 3 || i == count - 1)
            {
                RowSums512.Store(sums, i % 4 + 1, dots + i / 4 * 4);
            }
        }
    }

    /// <summary>Four sub-blocks of sixteen numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Add(Vector512<float> sum, Vector512<sbyte> numbers, float* x, float* factors)
    {
        sum = Vector512.FusedMultiplyAdd(Product(Avx512F.ExtractVector128(numbers, 0), x), Vector512.Create(factors[0]), sum);
        sum = Vector512.FusedMultiplyAdd(Product(Avx512F.ExtractVector128(numbers, 1), x + 16), Vector512.Create(factors[1]), sum);
        sum = Vector512.FusedMultiplyAdd(Product(Avx512F.ExtractVector128(numbers, 2), x + 32), Vector512.Create(factors[2]), sum);
        return Vector512.FusedMultiplyAdd(Product(Avx512F.ExtractVector128(numbers, 3), x + 48), Vector512.Create(factors[3]), sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Product(Vector128<sbyte> numbers, float* x) =>
        Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(numbers)) * Vector512.Load(x);
}
