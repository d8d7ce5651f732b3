using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Kernels;

/// <summary>Products of BF16 numbers on every set of kernels that runs here, against the plain forms and against double precision, at odd sizes.</summary>
public sealed unsafe class PairTests
{
    public static TheoryData<string> Names => [.. Sets.Select(set => set.Name)];

    private static IEnumerable<KernelSet> Sets => KernelSet.All.Where(set => set.IsAvailable).Append(InterpretedAmx.Set);

    private static KernelSet Set(string name) => Sets.First(set => set.Name == name);

    private static float[] Numbers(int count, ulong stream)
    {
        var random = new CounterRandom(7, RandomPurpose.Initialisation, stream);
        return [.. Enumerable.Range(0, count).Select(i => random.Normal((ulong)i))];
    }

    private static ushort[] Narrow(float[] numbers) => [.. numbers.Select(BF16Format.Round)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Conversions_are_those_of_the_plain_form_bit_for_bit(string name)
    {
        BFloat16Kernel plain = new BFloat16Scalar(), fast = Set(name).Conversion;
        uint[] bits = [0, 0x80000000, 1, 0x3F808000, 0x3F818000, 0x3F807FFF, 0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7FFFFFFF, 0xFFFFFFFF, 0x7F800001];
        float[] numbers = [.. bits.Select(BitConverter.UInt32BitsToSingle), .. Numbers(90, 1)];
        int count = numbers.Length;
        ushort[] expected = new ushort[count], actual = new ushort[count];
        uint[] pairs = new uint[count], pairsExpected = new uint[count];
        float[] even = new float[count], odd = new float[count], widened = new float[count];
        fixed (float* source = numbers, e = even, o = odd, w = widened)
        fixed (ushort* a = actual, x = expected)
        fixed (uint* p = pairs, px = pairsExpected)
        {
            plain.Narrow(source, x, count);
            fast.Narrow(source, a, count);
            Assert.Equal(expected, actual);
            fast.Widen(a, w, count);
            Assert.Equal(expected.Select(BF16Format.Widen).Select(BitConverter.SingleToUInt32Bits), widened.Select(BitConverter.SingleToUInt32Bits));
            plain.Interleave(source, source + 1, px, count - 1);
            fast.Interleave(source, source + 1, p, count - 1);
            Assert.Equal(pairsExpected, pairs);
            fast.Interleave(a, a + 1, p, count - 1);
            Assert.Equal(pairsExpected, pairs);
            uint[] panel = new uint[3 * 48], panelExpected = new uint[3 * 48];
            fixed (uint* q = panel, qx = panelExpected)
            {
                plain.InterleaveRows(a, 15, 3, 37, qx, 48);
                fast.InterleaveRows(a, 15, 3, 37, q, 48);
                Assert.Equal(panelExpected, panel);
            }

            fast.Split(p, e, o, count - 1);
            Assert.Equal(expected[..^1].Select(BF16Format.Widen).Select(BitConverter.SingleToUInt32Bits), even[..^1].Select(BitConverter.SingleToUInt32Bits));
            Assert.Equal(expected[1..].Select(BF16Format.Widen).Select(BitConverter.SingleToUInt32Bits), odd[..^1].Select(BitConverter.SingleToUInt32Bits));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Results_are_finished_as_the_plain_form_finishes_them(string name)
    {
        BFloat16Kernel plain = new BFloat16Scalar(), fast = Set(name).Conversion;
        float[] sums = Numbers(5 * 40, 1), bias = Numbers(37, 2);
        ushort[] addend = Narrow(Numbers(5 * 50, 3));
        foreach ((bool biased, bool added) in ((bool, bool)[])[(false, false), (true, false), (false, true), (true, true)])
        {
            ushort[] expected = new ushort[250], actual = new ushort[250];
            float[] wide = Numbers(5 * 38, 4), wideExpected = [.. wide];
            fixed (float* s = sums, b = bias, w = wide, wx = wideExpected)
            fixed (ushort* a = addend, x = expected, y = actual)
            {
                plain.Finish(s, 40, 5, 37, biased ? b : null, added ? a : null, x, 50);
                fast.Finish(s, 40, 5, 37, biased ? b : null, added ? a : null, y, 50);
                plain.FinishWide(s, 40, 5, 37, biased ? b : null, added, wx, 38);
                fast.FinishWide(s, 40, 5, 37, biased ? b : null, added, w, 38);
            }

            Assert.Equal(expected, actual);
            Assert.Equal(wideExpected, wide);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Pair_kernels_equal_the_plain_form(string name)
    {
        PairKernel kernel = Set(name).Pairs;
        foreach ((int rows, int width, int pairs, int second) in ((int, int, int, int)[])[(1, 16, 1, 0), (5, 16, 3, 2), (25, 16, 9, 0), (13, 32, 33, 8), (17, 48, 290, 1), (23, 48, 4, 4), (7, 64, 150, 8), (12, 64, 129, 0)])
        {
            ushort[] left = Narrow(Numbers(rows * (2 * pairs + 4), 1)), secondLeft = Narrow(Numbers(rows * (2 * second + 2), 2)), right = Narrow(Numbers((pairs + second) * width * 2, 3));
            foreach (long accumulate in (long[])[0, 1])
            {
                float[] expected = Numbers(rows * (width + 16), 4), actual = [.. expected];
                fixed (ushort* l = left, s = secondLeft, r = right)
                fixed (float* x = expected, y = actual)
                {
                    var run = new PanelRun
                    {
                        Left = l,
                        LeftStep = (2 * pairs + 4) * 2,
                        Second = s,
                        SecondStep = (2 * second + 2) * 2,
                        Right = (uint*)r,
                        Pairs = pairs,
                        SecondPairs = second,
                        Sums = x,
                        SumsStep = (width + 16) * 4,
                        Accumulate = accumulate,
                    };
                    KernelSet.Scalar.Pairs.Multiply(rows, width, run);
                    run.Sums = y;
                    kernel.Multiply(rows, width, run);
                }

                for (int i = 0; i < expected.Length; i++)
                {
                    Assert.Equal(expected[i], actual[i], 2e-5 * Math.Sqrt(pairs + second) * 4);
                }
            }
        }
    }

    [Fact]
    public void Right_rows_that_are_paired_on_the_way_equal_their_panel()
    {
        foreach (PairKernel kernel in Sets.Select(set => set.Pairs).Where(kernel => kernel.RowColumns > 0))
        {
            int columns = kernel.RowColumns, step = columns + 7;
            foreach ((int rows, int pairs) in ((int, int)[])[(1, 1), (3, 9), (12, 40), (16, 33), (25, 5)])
            {
                ushort[] left = Narrow(Numbers(rows * (2 * pairs + 1), 1)), right = Narrow(Numbers(2 * pairs * step, 2));
                uint[] panel = new uint[pairs * columns];
                float[] expected = Numbers(rows * columns, 3), actual = [.. expected];
                fixed (ushort* l = left, r = right)
                fixed (uint* p = panel)
                fixed (float* x = expected, y = actual)
                {
                    KernelSet.Scalar.Conversion.InterleaveRows(r, step, pairs, columns, p, columns);
                    var run = new PanelRun
                    {
                        Left = l,
                        LeftStep = (2 * pairs + 1) * 2,
                        Right = p,
                        RightRows = r,
                        RightStep = step * 2,
                        Pairs = pairs,
                        Sums = x,
                        SumsStep = columns * 4,
                        Accumulate = pairs % 2,
                    };
                    kernel.Multiply(rows, columns, run);
                    run.Sums = y;
                    kernel.MultiplyRows(rows, run);
                }

                Assert.Equal(expected, actual);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Products_from_every_storage_in_both_orientations_equal_double_precision(string name)
    {
        KernelSet set = Set(name);
        foreach (int threads in (int[])[1, 3])
        {
            using var pool = new WorkerPool(threads);
            using var product = new PairProduct(set.Pairs, new PairPacker(set.Packer, set.Conversion, set.VectorMath), set.Conversion, set.Dropout, set.VectorMath, pool);
            foreach (WeightFormat format in WeightDecoder.All.Where(format => format.CanEncode))
            {
                int block = format.Type.BlockElements();
                foreach ((int rows, int depth, int columns, int rank) in ((int, int, int, int)[])[(7, 33, 19, 3), (101, 2080, 96, 16), (1, 64, 130, 0), (230, 96, 64, 6)])
                {
                    Check(product, set, format, rows, block == 1 ? depth : depth / block * block, block == 1 ? columns : (columns + block - 1) / block * block, rank);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Products_have_the_same_bits_for_any_number_of_threads(string name)
    {
        KernelSet set = Set(name);
        foreach ((int rows, int depth, int columns, int rank) in ((int, int, int, int)[])[(200, 70, 330, 16), (97, 2120, 88, 3), (300, 33, 48, 0)])
        {
            ushort[] left = Narrow(Numbers(rows * depth, 1)), second = Narrow(Numbers(rows * Math.Max(rank, 1), 2)), right = Narrow(Numbers(depth * columns, 3));
            float[] branch = Numbers(columns * Math.Max(rank, 1), 4), expected = [];
            foreach (int threads in (int[])[1, 2, 5])
            {
                using var pool = new WorkerPool(threads);
                using var product = new PairProduct(set.Pairs, new PairPacker(set.Packer, set.Conversion, set.VectorMath), set.Conversion, set.Dropout, set.VectorMath, pool);
                float[] actual = new float[rows * columns];
                fixed (ushort* l = left, s = second, r = right)
                fixed (float* b = branch, y = actual)
                {
                    var first = new PairTerm { Left = l, LeftStep = depth, Depth = depth, Right = new WeightMatrix((byte*)r, ElementType.BF16, depth, columns), Scale = 1 };
                    PairTerm low = rank == 0 ? default : new PairTerm { Left = s, LeftStep = rank, Depth = rank, Right = WeightMatrix.OfFloats(b, columns, rank), RightTransposed = true, Scale = 0.5f };
                    product.Multiply(new PairTarget { Wide = y, Step = columns }, rows, columns, first, low);
                }

                expected = expected.Length == 0 ? actual : expected;
                Assert.Equal(expected, actual);
            }
        }
    }

    private static void Check(PairProduct product, KernelSet set, WeightFormat format, int rows, int depth, int columns, int rank)
    {
        depth = Math.Max(depth, format.Type.BlockElements());
        foreach (bool transposed in (bool[])[true, false])
        {
            (int weightRows, int weightColumns) = transposed ? (columns, depth) : (depth, columns);
            float[] values = Numbers(weightRows * weightColumns, 1), branch = Numbers(columns * Math.Max(rank, 1), 2), bias = Numbers(columns, 3);
            byte[] stored = new byte[format.Type.Bytes(weightColumns) * weightRows];
            ushort[] left = Narrow(Numbers(rows * depth, 4)), second = Narrow(Numbers(rows * Math.Max(rank, 1), 5)), addend = Narrow(Numbers(rows * columns, 6)), actual = [.. addend];
            float[] wide = new float[rows * columns];
            fixed (float* v = values, b = branch, bias0 = bias, w = wide)
            fixed (byte* s = stored)
            fixed (ushort* l = left, l2 = second, y = actual)
            {
                format.Encode(v, values.Length / format.Type.BlockElements(), s);
                var matrix = new WeightMatrix(s, format.Type, weightRows, weightColumns);
                for (int row = 0; row < weightRows; row++)
                {
                    matrix.Decode(row, 0, weightColumns, v + row * weightColumns);
                }

                var first = new PairTerm { Left = l, LeftStep = depth, Depth = depth, Right = matrix, RightTransposed = transposed, Scale = 1 };
                PairTerm low = rank == 0 ? default : new PairTerm { Left = l2, LeftStep = rank, Depth = rank, Right = WeightMatrix.OfFloats(b, columns, rank), RightTransposed = true, Scale = 0.5f };
                product.Multiply(new PairTarget { Narrow = y, Step = columns, Addend = y, Bias = bias0 }, rows, columns, first, low);
                product.Multiply(new PairTarget { Wide = w, Step = columns }, rows, columns, first, low);
            }

            float[] weight = [.. values.Select(value => BF16Format.Widen(BF16Format.Round(value)))], low2 = [.. branch.Select(value => BF16Format.Widen(BF16Format.Round(0.5f * value)))];
            for (int m = 0; m < rows; m += Math.Max(1, rows / 9))
            {
                for (int n = 0; n < columns; n++)
                {
                    double sum = 0;
                    for (int k = 0; k < depth; k++)
                    {
                        sum += (double)BF16Format.Widen(left[m * depth + k]) * weight[transposed ? n * depth + k : k * columns + n];
                    }

                    for (int r = 0; r < rank; r++)
                    {
                        sum += (double)BF16Format.Widen(second[m * rank + r]) * low2[n * rank + r];
                    }

                    double bound = 1e-5 * Math.Sqrt(depth) * 4, expected = sum + bias[n] + BF16Format.Widen(addend[m * columns + n]);
                    Assert.Equal(sum, wide[m * columns + n], bound);
                    Assert.Equal(expected, BF16Format.Widen(actual[m * columns + n]), bound + Math.Abs(expected) / 256);
                }
            }
        }
    }
}
