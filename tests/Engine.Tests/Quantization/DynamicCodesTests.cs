using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Quantization;

public class DynamicCodesTests
{
    private const string Vectors = "goldens/formats/optim";

    public static TheoryData<bool> Maps() => [true, false];

    [Theory]
    [MemberData(nameof(Maps))]
    public void The_table_finds_what_a_search_finds(bool signed)
    {
        float[] map = (signed ? DynamicMap.Signed : DynamicMap.Unsigned).ToArray();
        var codes = new DynamicCodes(map);
        var random = new CounterRandom(3, RandomPurpose.Sampling);
        IEnumerable<float> middles = map.Zip(map.Skip(1), (low, high) => (float)(((double)low + high) / 2));
        IEnumerable<float> numbers = Enumerable.Range(0, 200_000).Select(i => (float)Math.Pow(10, -9 * random.Uniform((ulong)i)) * (signed && i % 2 == 0 ? -1 : 1));
        foreach (float value in map.Concat(middles).SelectMany(value => new[] { value, MathF.BitIncrement(value), MathF.BitDecrement(value) }).Concat(numbers))
        {
            if (signed || value >= 0)
            {
                Assert.Equal(DynamicMap.Nearest(map, value), codes.Nearest(value));
            }
        }
    }

    [SharedTheory(Vectors)]
    [InlineData("codes")]
    [InlineData("const")]
    [InlineData("logwide")]
    [InlineData("normal")]
    [InlineData("tiny")]
    [InlineData("zeros")]
    public void Blocks_of_moments_get_the_codes_of_the_reference(string name)
    {
        var golden = new FourBitGoldens("quantize8_vectors", Path.Combine(Paths.Shared, Vectors));
        var kernel = new AdamW8BitKernel();
        float[] x = golden.Floats($"{name}.x"), signedScales = golden.Floats($"{name}.signed_absmax"), unsignedScales = golden.Floats($"{name}.unsigned_absmax");
        Assert.Equal(golden.Bytes($"{name}.signed_signfix"), x.Select((value, i) => kernel.SignedCode(value, signedScales[i / 256])));
        byte[] nearest = golden.Bytes($"{name}.unsigned_of_abs");
        Assert.All(x.Index(), number => Assert.Equal(
            nearest[number.Index] == 0 && number.Item != 0 ? 1 : nearest[number.Index],
            kernel.UnsignedCode(Math.Abs(number.Item), unsignedScales[number.Index / 256])));
    }
}
