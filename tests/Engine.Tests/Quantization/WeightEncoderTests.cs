using System.Security.Cryptography;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Quantization;

public class WeightEncoderTests
{
    public static TheoryData<string, ElementType> Stored()
    {
        var data = new TheoryData<string, ElementType>();
        foreach ((string key, ElementType type) in QuantGoldens.Stored.Where(stored => WeightEncoder.CanEncode(stored.Type)))
        {
            if (!key.StartsWith("overflow", StringComparison.Ordinal))
            {
                data.Add(key, type);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Stored))]
    public void Encoded_bytes_equal_those_of_ggml(string key, ElementType type)
    {
        byte[] expected = QuantGoldens.Bytes($"{key}.bytes");
        byte[] encoded = Encode(type, QuantGoldens.Floats($"{key.Split('.')[0]}.input"));
        Assert.Equal(expected, encoded);
    }

    [Theory]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.Q8_0)]
    public void Bulk_bytes_have_the_recorded_hash(ElementType type)
    {
        string expected = QuantGoldens.Json.GetProperty("bulk_sha256").GetProperty(type.ToString()).GetProperty("bytes").GetString()!;
        Assert.Equal(expected, Convert.ToHexStringLower(SHA256.HashData(Encode(type, QuantGoldens.Floats("bulk.input")))));
    }

    [Theory]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.BF16)]
    public void Special_values_round_as_in_ggml(ElementType type)
    {
        byte[] encoded = Encode(type, QuantGoldens.Floats("edge16.input"));
        Assert.Equal(QuantGoldens.Bytes($"edge16.{type}"), encoded);
        float[] back = new float[1024];
        WeightDecoder.Decode(type, encoded, back);
        float[] expected = QuantGoldens.Floats($"edge16.{type}.back");
        Assert.Equal(expected, back);
    }

    [Fact]
    public void Numbers_that_are_stored_exactly_survive_the_round_trip()
    {
        float[] values = [0, -0f, 1, -1, 0.5f, 65504, -2, 3.140625f];
        foreach (ElementType type in new[] { ElementType.F32, ElementType.F16 })
        {
            float[] back = new float[values.Length];
            WeightDecoder.Decode(type, Encode(type, values), back);
            Assert.Equal(values, back);
        }
    }

    private static byte[] Encode(ElementType type, float[] values)
    {
        byte[] bytes = new byte[type.Bytes(values.Length)];
        WeightEncoder.Encode(type, values, bytes);
        return bytes;
    }
}
