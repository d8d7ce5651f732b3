using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Backends;

/// <summary>What the tests of backend operations share: kernels to try, seeded numbers, comparison.</summary>
public abstract class BackendTest
{
    /// <summary>Every set of kernels that runs on this machine.</summary>
    public static TheoryData<string> KernelNames => [.. Available];

    protected static IEnumerable<string> Available => KernelSet.All.Where(set => set.IsAvailable).Select(set => set.Name);

    /// <summary>Seeded numbers, normal, times a factor.</summary>
    protected static float[] Numbers(long count, ulong stream, float factor = 1)
    {
        var random = new CounterRandom(11, RandomPurpose.Initialisation, stream);
        return [.. Enumerable.Range(0, checked((int)count)).Select(i => factor * random.Normal((ulong)i))];
    }

    protected static Tensor Tensor(Backend backend, float[] values, params long[] extents)
    {
        Tensor tensor = backend.Allocate(new Shape(extents));
        backend.Write(tensor, values);
        return tensor;
    }

    protected static float[] Values(Backend backend, Tensor tensor)
    {
        float[] values = new float[tensor.Shape.Count];
        backend.Read(tensor, values);
        return values;
    }

    /// <summary>Largest difference relative to the largest expected magnitude (to 0.1 where all are small: sums that cancel).</summary>
    protected static void Close(double[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        double scale = Math.Max(expected.Select(Math.Abs).DefaultIfEmpty().Max(), 0.1);
        for (int i = 0; i < expected.Length; i++)
        {
            double difference = Math.Abs(expected[i] - actual[i]);
            Assert.True(difference <= tolerance * scale, $"element {i}: expected {expected[i]}, got {actual[i]}, largest {scale}");
        }
    }

    protected static double[] Widen(float[] values) => [.. values.Select(value => (double)value)];
}
