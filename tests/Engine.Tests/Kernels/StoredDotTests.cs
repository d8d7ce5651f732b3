using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Kernels;

/// <summary>Dots straight from stored rows against the rows decoded by the plain forms.</summary>
public sealed unsafe class StoredDotTests
{
    public static TheoryData<string, ElementType> Kernels
    {
        get
        {
            var data = new TheoryData<string, ElementType>();
            foreach (KernelSet set in KernelSet.All.Where(set => set.IsAvailable))
            {
                foreach (StoredDotKernel kernel in set.StoredDots)
                {
                    data.Add(set.Name, kernel.Type);
                }
            }

            return data;
        }
    }

    private static StoredDotKernel Kernel(string set, ElementType type) => KernelSet.Choose(set).StoredDots.Single(kernel => kernel.Type == type);

    [Fact]
    public void A_set_has_one_kernel_at_most_for_a_storage() =>
        Assert.All(KernelSet.All, set => Assert.Distinct(set.StoredDots.Select(kernel => kernel.Type)));

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Dots_are_those_of_the_decoded_rows_at_any_number_of_blocks_and_rows(string set, ElementType type)
    {
        StoredDotKernel kernel = Kernel(set, type);
        int unit = type.BlockElements();
        foreach (int depth in (int[])[.. Enumerable.Range(1, 19).Select(blocks => blocks * unit), 48 * unit, 17, 33, 100, 577])
        {
            if (depth % unit != 0)
            {
                continue;
            }

            foreach (int rows in (int[])[1, 2, 3, 5, 8, 21])
            {
                Check(kernel, depth, rows);
            }
        }
    }

    /// <summary>Rows in memory that goes on with not-a-numbers: a kernel that takes one byte too many shows it.</summary>
    private static void Check(StoredDotKernel kernel, int depth, int rows)
    {
        long rowBytes = kernel.Type.Bytes(depth), bytes = rowBytes * rows;
        using var memory = new NativeBuffer(bytes + 256);
        using var input = new NativeBuffer((depth + 64) * sizeof(float));
        using var prepared = new NativeBuffer(kernel.PreparedFloats(depth) * sizeof(float));
        new Span<byte>(memory.Pointer, (int)memory.Length).Fill(0xFF);
        new Span<byte>(prepared.Pointer, (int)prepared.Length).Fill(0xFF);
        new Span<byte>(input.Pointer, (int)input.Length).Fill(0xFF);
        Fill(kernel.Type, new Span<byte>(memory.Pointer, (int)bytes), (ulong)(depth + rows));
        var random = new CounterRandom(7, RandomPurpose.Initialisation, (ulong)depth);
        float* x = (float*)input.Pointer, left = x;
        for (int i = 0; i < depth; i++)
        {
            x[i] = random.Normal((ulong)i);
        }

        if (kernel.PreparedFloats(depth) > 0)
        {
            left = (float*)prepared.Pointer;
            kernel.Prepare(x, depth, left);
        }

        float[] dots = new float[rows + 1], alone = new float[1], row = new float[depth];
        dots[rows] = 42;
        WeightFormat format = WeightDecoder.Format(kernel.Type);
        fixed (float* target = dots, one = alone, decoded = row)
        {
            kernel.Dots(memory.Pointer, rowBytes, rows, left, depth, target);
            for (int i = 0; i < rows; i++)
            {
                format.DecodeScalar(memory.Pointer + i * rowBytes, depth / kernel.Type.BlockElements(), decoded);
                double expected = 0, magnitude = 0;
                for (int k = 0; k < depth; k++)
                {
                    expected += (double)x[k] * row[k];
                    magnitude += Math.Abs((double)x[k] * row[k]);
                }

                Assert.True(Math.Abs(expected - dots[i]) <= 1e-6 * magnitude, $"{kernel.Type}, depth {depth}, row {i} of {rows}: {dots[i]} instead of {expected} (Σ|x·w| {magnitude})");
                kernel.Dots(memory.Pointer + i * rowBytes, rowBytes, 1, left, depth, one);
                Assert.Equal(alone[0], dots[i]);
            }
        }

        Assert.Equal(42, dots[rows]);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Every_half_precision_scale_counts_as_it_is_decoded(string set, ElementType type)
    {
        // Scales at the start of a block, first of all and, of offsets, second; of Q6_K at the end.
        int[] places = type switch
        {
            ElementType.Q4_1 or ElementType.Q5_1 or ElementType.Q4_K or ElementType.Q5_K => [0, 2],
            ElementType.Q8_0 or ElementType.Q4_0 or ElementType.Q5_0 or ElementType.IQ4_NL => [0],
            ElementType.Q6_K => [208],
            _ => [],
        };
        StoredDotKernel kernel = Kernel(set, type);
        int depth = type.BlockElements(), bytes = type.BlockBytes();
        using var memory = new NativeBuffer(bytes);
        using var prepared = new NativeBuffer(Math.Max(kernel.PreparedFloats(depth), depth) * sizeof(float));
        float[] row = new float[depth], one = [.. Enumerable.Range(0, depth).Select(i => i == 3 ? 1f : 0)];
        float dot;
        fixed (float* decoded = row, x = one)
        {
            float* left = x;
            if (kernel.PreparedFloats(depth) > 0)
            {
                left = (float*)prepared.Pointer;
                kernel.Prepare(x, depth, left);
            }

            foreach (int place in places)
            {
                for (int half = 0; half < 65536; half++)
                {
                    Fill(type, new Span<byte>(memory.Pointer, bytes), 1);
                    *(ushort*)(memory.Pointer + place) = (ushort)half;
                    kernel.Dots(memory.Pointer, bytes, 1, left, depth, &dot);
                    WeightDecoder.Format(type).DecodeScalar(memory.Pointer, 1, decoded);
                    Assert.Equal(float.IsFinite(row[3]), float.IsFinite(dot));
                    if (float.IsFinite(row[3]))
                    {
                        Assert.Equal(row[3], dot, 1e-6 * Math.Max(Math.Abs(row[3]), 1));
                    }
                }
            }
        }
    }

    /// <summary>Random bytes whose numbers are finite and of moderate size whatever they mean: plain numbers and scales have exponents below one.</summary>
    private static void Fill(ElementType type, Span<byte> bytes, ulong stream)
    {
        var random = new CounterRandom(3, RandomPurpose.Initialisation, stream);
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)random.UInt32((ulong)i);
        }

        if (!type.IsQuantized())
        {
            int size = type.BlockBytes();
            for (int i = size - 1; i < bytes.Length; i += size)
            {
                bytes[i] = (byte)(type == ElementType.F16 ? bytes[i] & 0xB7 : 0x3E | bytes[i] & 0x81);
            }

            return;
        }

        int[] halves = type switch
        {
            ElementType.Q4_1 or ElementType.Q5_1 or ElementType.Q4_K or ElementType.Q5_K => [1, 3],
            ElementType.Q6_K => [209],
            _ => [1],
        };
        for (int block = 0; block < bytes.Length; block += type.BlockBytes())
        {
            if (type.CrossesRows())
            {
                bytes[block + 3] = (byte)(0x3E | bytes[block + 3] & 0x81);
                continue;
            }

            foreach (int place in halves)
            {
                bytes[block + place] &= 0xB7;
            }
        }
    }
}
