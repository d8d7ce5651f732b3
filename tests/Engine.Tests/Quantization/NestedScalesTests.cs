using System.Text.Json;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Quantization;

public class NestedScalesTests
{
    /// <summary>The reference's own quantiser misses the nearest code in so many places.</summary>
    private const double ShareOfOtherCodes = 0.01;

    public static TheoryData<string> Cases() =>
        new(FourBitGoldens.Double.Json.GetProperty("cases").EnumerateArray().Select(golden => golden.GetProperty("key").GetString()!));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Codes_equal_the_nearest_ones_of_the_reference(string key)
    {
        JsonElement golden = Json(key);
        NestedScales nested = NestedScales.Encode(FourBitGoldens.Double.Floats($"{key}.absmax_f32"));
        double mean = golden.GetProperty("nested_offset").GetDouble();
        Assert.InRange(nested.Mean, mean * (1 - 1e-6), mean * (1 + 1e-6));
        float[] blockScales = FourBitGoldens.Double.Floats($"{key}.nested_absmax");
        Assert.Equal(blockScales.Length, nested.BlockScales.Length);
        Assert.All(blockScales.Zip(nested.BlockScales), pair => Assert.InRange(pair.Second, pair.First * (1 - 1e-5f), pair.First * (1 + 1e-5f)));
        byte[] codes = FourBitGoldens.Double.Bytes($"{key}.absmax_u8_nearest");
        int[] differences = [.. codes.Zip(nested.Codes).Select(pair => Math.Abs(pair.First - pair.Second))];
        Assert.InRange(differences.Max(), 0, 1);
        Assert.InRange(differences.Count(difference => difference > 0), 0, codes.Length * ShareOfOtherCodes);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Stored_codes_decode_to_the_bits_of_the_reference(string key)
    {
        FourBitGoldens golden = FourBitGoldens.Double;
        var nested = new NestedScales(
            golden.Bytes($"{key}.absmax_u8"), golden.Floats($"{key}.nested_absmax"), (float)Json(key).GetProperty("nested_offset").GetDouble());
        float[] scales = nested.Decode(golden.Floats("nested_quant_map"));
        Assert.Equal(Bits(golden.Floats($"{key}.absmax_decoded")), Bits(scales));

        StoredTensor dequantised = golden.Find($"{key}.dequant_f32")!;
        StoredTensor stored = FourBitGoldens.Store(
            ElementType.NF4, dequantised.Shape, golden.Bytes($"{key}.packed"), scales, Json(key).GetProperty("blocksize").GetInt32());
        Assert.Equal(Bits(WeightDecoder.Decode(dequantised)), Bits(WeightDecoder.Decode(stored)));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Converted_weights_are_as_near_as_the_reference(string key)
    {
        FourBitGoldens golden = FourBitGoldens.Double;
        StoredTensor stored = WeightConverter.Convert(
            golden.Find($"{key}.input")!, new WeightStorage(ElementType.NF4, doubleQuantization: true, Json(key).GetProperty("blocksize").GetInt32()), threads: 2);
        float[] expected = golden.Floats($"{key}.dequant_f32"), actual = WeightDecoder.Decode(stored);
        // Scales of the same code differ by the last bits of map and mean; those of a neighbouring code by at most its step, in few blocks.
        int others = expected.Zip(actual).Count(pair => Math.Abs(pair.First - pair.Second) > 1e-5f * Math.Abs(pair.First));
        Assert.InRange(others, 0, expected.Length * 2 * ShareOfOtherCodes);
        Assert.All(expected.Zip(actual), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 0.05f * Math.Abs(pair.First)));
    }

    [Fact]
    public void The_map_is_that_of_the_reference_but_for_the_last_bits()
    {
        float[] map = DynamicMap.Signed.ToArray(), expected = FourBitGoldens.Double.Floats("nested_quant_map");
        Assert.Equal(256, map.Length);
        Assert.Equal(map.Order(), map);
        Assert.All(expected.Zip(map), pair => Assert.InRange(Math.Abs(BitConverter.SingleToInt32Bits(pair.First) - BitConverter.SingleToInt32Bits(pair.Second)), 0, 4));
        for (int code = 0; code < map.Length; code++)
        {
            Assert.Equal(code, DynamicMap.Nearest(map, map[code]));
        }

        Assert.Equal((0, 255), (DynamicMap.Nearest(map, -1), DynamicMap.Nearest(map, 2)));
        Assert.Equal(127, DynamicMap.Nearest([.. map[..128], 1e-6f, .. map[129..]], 5e-7f));
    }

    [Fact]
    public void Equal_scales_survive()
    {
        float[] scales = [.. Enumerable.Repeat(0.25f, 300)];
        Assert.Equal(scales, NestedScales.Encode(scales).Decode(DynamicMap.Signed));
    }

    private static JsonElement Json(string key) =>
        FourBitGoldens.Double.Json.GetProperty("cases").EnumerateArray().Single(golden => golden.GetProperty("key").GetString() == key);

    private static int[] Bits(float[] values) => Array.ConvertAll(values, BitConverter.SingleToInt32Bits);
}
