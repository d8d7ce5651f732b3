using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Quantization;

public unsafe class WeightDecoderTests
{
    public static TheoryData<string, ElementType> Stored()
    {
        var data = new TheoryData<string, ElementType>();
        foreach ((string key, ElementType type) in QuantGoldens.Stored)
        {
            data.Add(key, type);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Stored))]
    public void Decoded_numbers_equal_those_of_ggml_bit_for_bit(string key, ElementType type)
    {
        float[] decoded = Decode(type, QuantGoldens.Bytes($"{key}.bytes"));
        if (QuantGoldens.File.Tensors.Find($"{key}.dequant") is not null)
        {
            Assert.Equal(Bits(QuantGoldens.Floats($"{key}.dequant")), Bits(decoded));
        }
        else if (key.StartsWith("bulk", StringComparison.Ordinal))
        {
            string expected = QuantGoldens.Json.GetProperty("bulk_sha256").GetProperty(type.ToString()).GetProperty("dequant").GetString()!;
            Assert.Equal(expected, Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<float>(decoded))));
        }
        else
        {
            Assert.Equal(QuantGoldens.Floats($"{key.Split('.')[0]}.input").Length, decoded.Length);
        }
    }

    [Theory]
    [MemberData(nameof(Stored))]
    public void The_vector_form_equals_the_scalar_form(string key, ElementType type)
    {
        byte[] bytes = QuantGoldens.Bytes($"{key}.bytes");
        float[] scalar = new float[bytes.Length / type.BlockBytes() * type.BlockElements()];
        fixed (byte* source = bytes)
        fixed (float* target = scalar)
        {
            WeightDecoder.Format(type).DecodeScalar(source, bytes.Length / type.BlockBytes(), target);
        }

        Assert.Equal(Bits(scalar), Bits(Decode(type, bytes)));
    }

    [Theory]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.BF16)]
    public void Every_16_bit_pattern_is_decoded_alike_by_both_forms(ElementType type)
    {
        ushort[] patterns = [.. Enumerable.Range(0, 65536).Select(pattern => (ushort)pattern)];
        float[] decoded = Decode(type, MemoryMarshal.AsBytes<ushort>(patterns));
        float[] expected = [.. patterns.Select(pattern => type == ElementType.BF16 ? BF16Format.Widen(pattern) : F16Format.Widen(pattern))];
        Assert.Equal(Bits(expected), Bits(decoded));
        if (type == ElementType.F16)
        {
            Assert.Equal(
                patterns.Select(pattern => (float)BitConverter.UInt16BitsToHalf(pattern)).Where(value => !float.IsNaN(value)),
                decoded.Where(value => !float.IsNaN(value)));
        }
    }

    [Fact]
    public void A_run_may_begin_and_end_inside_a_block()
    {
        foreach (ElementType type in WeightDecoder.All.Select(format => format.Type).Where(type => type.IsQuantized() && !type.CrossesRows()))
        {
            string key = type.BlockElements() == 256 ? "n512" : "n160";
            byte[] bytes = QuantGoldens.Bytes($"{key}.{type}.bytes")[..(int)type.Bytes(key == "n512" ? 512 : 160)];
            float[] all = Decode(type, bytes);
            foreach ((int first, int count) in new[] { (0, 1), (1, 3), (7, 25), (7, 26), (31, 2), (32, 64), (5, 150), (0, all.Length), (all.Length - 1, 1), (9, 0) })
            {
                float[] run = new float[count + 2];
                fixed (byte* row = bytes)
                fixed (float* target = run)
                {
                    WeightDecoder.Decode(type, row, first, count, target + 1);
                }

                Assert.Equal([0f, .. all.AsSpan(first, count), 0f], run);
            }
        }
    }

    [Fact]
    public void A_type_that_holds_no_weights_is_refused()
    {
        Assert.False(WeightDecoder.CanDecode(ElementType.I32));
        Assert.Equal(
            Codes.UnsupportedTensorType,
            Assert.Throws<FineTuneException>(() => WeightDecoder.Decode(ElementType.I32, new byte[4], new float[1])).Diagnostic.Code);
        Assert.Throws<ArgumentException>(() => WeightDecoder.Decode(ElementType.Q8_0, new byte[33], new float[32]));
    }

    [SharedFact("models/SmolLM2-135M-Instruct.Q4_1.gguf")]
    public void Every_tensor_of_SmolLM2_decodes_to_the_recorded_hash()
    {
        string json = Path.Combine(Paths.Shared, "goldens", "formats", "gguf_quant", "smollm2_q4_1_tensors.json");
        JsonElement expected = JsonDocument.Parse(File.ReadAllBytes(json)).RootElement.GetProperty("tensors");
        using GgufFile file = GgufFile.Open(Paths.SmolLm2);
        Assert.Equal(expected.GetArrayLength(), file.Tensors.Count);
        foreach (JsonElement tensor in expected.EnumerateArray())
        {
            StoredTensor stored = file.Tensors.Find(tensor.GetProperty("name").GetString()!)!;
            Assert.Equal(tensor.GetProperty("type").GetString(), stored.Type.ToString());
            Assert.Equal(tensor.GetProperty("dims").EnumerateArray().Select(extent => extent.GetInt64()).Reverse(), stored.Shape.Extents.ToArray());
            Assert.Equal(tensor.GetProperty("sha256_raw").GetString(), Convert.ToHexStringLower(SHA256.HashData(stored.Span)));
            float[] values = WeightDecoder.Decode(stored);
            Assert.Equal(tensor.GetProperty("sha256_f32").GetString(), Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<float>(values))));
        }
    }

    private static float[] Decode(ElementType type, ReadOnlySpan<byte> bytes)
    {
        float[] values = new float[bytes.Length / type.BlockBytes() * type.BlockElements()];
        WeightDecoder.Decode(type, bytes, values);
        return values;
    }

    private static int[] Bits(float[] values) => Array.ConvertAll(values, BitConverter.SingleToInt32Bits);
}
