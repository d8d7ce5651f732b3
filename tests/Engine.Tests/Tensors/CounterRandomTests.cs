using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Tensors;

public class CounterRandomTests
{
    [Fact]
    public void A_permutation_holds_every_index_once()
    {
        int[] order = new CounterRandom(42, RandomPurpose.Shuffle, 3).Permutation(1000);
        Assert.Equal(Enumerable.Range(0, 1000), order.Order());
        Assert.NotEqual(Enumerable.Range(0, 1000), order);
    }

    [Fact]
    public void Purposes_and_streams_share_no_numbers()
    {
        uint[] numbers = [.. from purpose in Enum.GetValues<RandomPurpose>() from stream in Enumerable.Range(0, 4)
            select new CounterRandom(7, purpose, (ulong)stream).UInt32(0)];
        Assert.Equal(numbers.Length, numbers.Distinct().Count());
    }

    [Fact]
    public void Uniform_and_normal_numbers_have_their_moments()
    {
        var random = new CounterRandom(1, RandomPurpose.Initialisation);
        double[] uniform = [.. Enumerable.Range(0, 40_000).Select(i => (double)random.Uniform((ulong)i))];
        double[] normal = [.. Enumerable.Range(0, 40_000).Select(i => (double)random.Normal((ulong)i))];
        Assert.InRange(uniform.Average(), 0.49, 0.51);
        Assert.All(uniform, value => Assert.InRange(value, 0, 1 - 1e-9));
        Assert.InRange(normal.Average(), -0.02, 0.02);
        Assert.InRange(normal.Average(value => value * value), 0.97, 1.03);
    }
}
