using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Kernels;

/// <summary>Every set of kernels that runs here against the plain forms, at odd sizes.</summary>
public sealed unsafe class KernelTests
{
    public static TheoryData<string> FastNames => [.. KernelSet.All.Where(set => set.IsAvailable && set != KernelSet.Scalar).Select(set => set.Name)];

    private static float[] Numbers(int count, ulong stream, float factor = 1)
    {
        var random = new CounterRandom(5, RandomPurpose.Initialisation, stream);
        return [.. Enumerable.Range(0, count).Select(i => factor * random.Normal((ulong)i))];
    }

    [Theory]
    [MemberData(nameof(FastNames))]
    public void Micro_kernels_equal_the_plain_tile(string name)
    {
        MicroKernel kernel = KernelSet.Choose(name).Product;
        foreach ((int depth, int rows, int columns) in ((int, int, int)[])[(1, 99, 99), (7, 99, 99), (256, 99, 99), (33, 1, 5), (12, 3, 99), (9, 99, 1)])
        {
            int m = Math.Min(rows, kernel.Rows), n = Math.Min(columns, kernel.Columns), aStep = kernel.Rows + 3, bStep = kernel.Columns + 5, cStep = kernel.Columns + 1;
            float[] a = Numbers(depth * aStep, 1), b = Numbers(depth * bStep, 2), c = Numbers(kernel.Rows * cStep, 3), before = [.. c];
            foreach (bool accumulate in (bool[])[true, false])
            {
                before.CopyTo(c, 0);
                fixed (float* pa = a, pb = b, pc = c)
                {
                    kernel.MultiplyPart(depth, pa, aStep, pb, bStep, pc, cStep, accumulate, rows, columns);
                }

                for (int at = 0; at < c.Length; at++)
                {
                    int i = at / cStep, j = at % cStep;
                    double expected = i >= m || j >= n ? before[at] : (accumulate ? before[at] : 0) + Enumerable.Range(0, depth).Sum(k => (double)a[k * aStep + i] * b[k * bStep + j]);
                    Assert.Equal(expected, c[at], 2e-5);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(FastNames))]
    public void Panels_are_packed_as_the_plain_packer_packs_them(string name)
    {
        KernelSet set = KernelSet.Choose(name);
        float[] source = Numbers(70 * 90, 1);
        foreach ((int count, int depth, int width) in ((int, int, int)[])[(8, 64, 8), (4, 9, 4), (32, 40, 32), (19, 33, 32), (5, 3, 16), (16, 1, 16)])
        {
            float[] expected = new float[depth * width], actual = new float[depth * width];
            fixed (float* from = source, plain = expected, fast = actual)
            {
                KernelSet.Scalar.Packer.Transpose(from, 90, count, depth, plain, width);
                set.Packer.Transpose(from, 90, count, depth, fast, width);
                Assert.Equal(expected, actual);
                KernelSet.Scalar.Packer.Copy(from, 90, count, depth, plain, width);
                set.Packer.Copy(from, 90, count, depth, fast, width);
                Assert.Equal(expected, actual);
            }
        }
    }

    [Theory]
    [MemberData(nameof(FastNames))]
    public void Dropout_masks_are_the_stream_of_random_numbers_at_any_offset(string name)
    {
        KernelSet set = KernelSet.Choose(name);
        foreach (float probability in (float[])[0.05f, 0.5f, 0.999f])
        {
            foreach (ulong first in (ulong[])[0, 1, 6, 1000003, (1UL << 34) - 37, ulong.MaxValue / 8])
            {
                var mask = new DropoutMask(probability, new CounterRandom(0xABCDEF0123456789, RandomPurpose.Dropout, 0x1122334455667788), 100);
                float[] expected = Numbers(203, 1), actual = [.. expected];
                fixed (float* plain = expected, fast = actual)
                {
                    KernelSet.Scalar.Dropout.Apply(mask, first, plain, 203);
                    set.Dropout.Apply(mask, first, fast, 203);
                }

                Assert.Equal(expected, actual);
            }
        }
    }

    [Fact]
    public void Dropout_keeps_the_share_it_says_and_the_mean()
    {
        const int Count = 200_000;
        const float Probability = 0.1f;
        float[] values = [.. Enumerable.Repeat(1f, Count)];
        fixed (float* p = values)
        {
            KernelSet.Choose(null).Dropout.Apply(new DropoutMask(Probability, new CounterRandom(1, RandomPurpose.Dropout), Count), 0, p, Count);
        }

        // Four standard deviations of a share of 200,000 draws.
        Assert.Equal(Probability, values.Count(value => value == 0) / (double)Count, 0.003);
        Assert.Equal(1, values.Average(), 0.003);
        Assert.All(values, value => Assert.True(value == 0 || Math.Abs(value - 65536.0 / (65536 - 6554)) < 1e-6));
    }

    [Theory]
    [MemberData(nameof(FastNames))]
    public void Activations_are_exact_to_some_units_in_the_last_place_everywhere(string name)
    {
        KernelSet set = KernelSet.Choose(name);
        float[] x = [.. Enumerable.Range(-20_000, 40_001).Select(i => i * 0.005f), 0, 1e-20f, -1e-20f, 1e-6f, 88.7f, -88.7f, 1000, -1000];
        float[] one = [.. Enumerable.Repeat(1f, x.Length)], silu = new float[x.Length], gelu = new float[x.Length];
        fixed (float* px = x, p1 = one, ps = silu, pg = gelu)
        {
            set.GatedActivation.Silu(px, p1, ps, x.Length);
            set.GatedActivation.GeluTanh(px, p1, pg, x.Length);
        }

        for (int i = 0; i < x.Length; i++)
        {
            double expected = x[i] / (1 + Math.Exp(-(double)x[i]));
            Assert.Equal(expected, silu[i], Math.Max(5e-7 * Math.Abs(expected), 1e-36));
            double tanh = Math.Tanh(GatedActivationKernel.GeluInner * (x[i] + GatedActivationKernel.GeluCubic * Math.Pow(x[i], 3)));
            // 1 + tanh cancels for negative numbers: exact relative to the input, as in every single-precision form.
            Assert.Equal(0.5 * x[i] * (1 + tanh), gelu[i], 4e-7 * Math.Max(Math.Abs(x[i]), 1e-30));
        }
    }

    [Theory]
    [MemberData(nameof(FastNames))]
    public void Not_a_number_stays_so_through_activations(string name)
    {
        KernelSet set = KernelSet.Choose(name);
        float[] x = [.. Enumerable.Repeat(float.NaN, 40)], one = [.. Enumerable.Repeat(1f, 40)], y = new float[40];
        fixed (float* px = x, p1 = one, py = y)
        {
            set.GatedActivation.Silu(px, p1, py, 40);
            Assert.All(y, value => Assert.True(float.IsNaN(value)));
            set.GatedActivation.GeluTanh(px, p1, py, 40);
            Assert.All(y, value => Assert.True(float.IsNaN(value)));
        }
    }
}
