using System.Runtime.Intrinsics.X86;
using System.Text.Json;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Quantization;

public unsafe class FourBitTests
{
    private const string Linears = "goldens/formats/nf4";

    public static TheoryData<string, string, int> Cases()
    {
        var data = new TheoryData<string, string, int>();
        foreach (JsonElement golden in FourBitGoldens.NF4.Json.GetProperty("cases").EnumerateArray())
        {
            data.Add("NF4", golden.GetProperty("key").GetString()!, golden.GetProperty("blocksize").GetInt32());
        }

        foreach (JsonElement golden in FourBitGoldens.FP4.Json.GetProperty("cases").EnumerateArray())
        {
            data.Add("FP4", golden.GetProperty("key").GetString()!, golden.GetProperty("blocksize").GetInt32());
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Codes_and_scales_equal_those_of_bitsandbytes(string type, string key, int blockSize)
    {
        (FourBitGoldens golden, FourBitCodebook codebook, string input) = Golden(type, key);
        float[] values = golden.Floats($"{input}.input");
        byte[] packed = new byte[(values.Length + 1) / 2];
        float[] scales = new float[(values.Length + blockSize - 1) / blockSize];
        for (int block = 0; block < scales.Length; block++)
        {
            int first = block * blockSize, count = Math.Min(blockSize, values.Length - first);
            scales[block] = codebook.Encode(values.AsSpan(first, count), packed.AsSpan(first / 2));
        }

        Assert.Equal(golden.Bytes($"{key}.packed"), packed);
        Assert.Equal(Bits(golden.Floats(golden.Find($"{key}.absmax_rule") is null ? $"{key}.absmax" : $"{key}.absmax_rule")), Bits(scales));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Converted_weights_decode_to_the_numbers_of_bitsandbytes(string type, string key, int blockSize)
    {
        if (blockSize < 64)
        {
            Assert.Throws<ArgumentException>(() => new WeightStorage(Enum.Parse<ElementType>(type), blockSize: blockSize));
            return;
        }

        (FourBitGoldens golden, _, string input) = Golden(type, key);
        StoredTensor stored = WeightConverter.Convert(
            golden.Find($"{input}.input")!, new WeightStorage(Enum.Parse<ElementType>(type), blockSize: blockSize), threads: 2);
        float[] expected = golden.Floats(golden.Find($"{key}.dequant_f32") is null ? $"{key}.dequant" : $"{key}.dequant_f32");
        Assert.Equal(Bits(expected), Bits(WeightDecoder.Decode(stored)));
    }

    [Fact]
    public void The_tables_are_those_of_bitsandbytes()
    {
        foreach ((FourBitGoldens golden, FourBitCodebook codebook) in new[] { (FourBitGoldens.NF4, FourBitCodebook.NF4), (FourBitGoldens.FP4, FourBitCodebook.FP4) })
        {
            Assert.Equal(
                golden.Json.GetProperty("codes_bits").EnumerateArray().Select(bits => Convert.ToInt32(bits.GetString(), 16)), Bits(codebook.Values.ToArray()));
        }
    }

    [Theory]
    [InlineData(ElementType.NF4)]
    [InlineData(ElementType.FP4)]
    public void Every_form_of_decoding_gives_the_same_bits(ElementType type)
    {
        const int Blocks = 37;
        var format = (FourBitFormat)WeightDecoder.Format(type);
        byte[] bytes = new byte[Blocks * 36];
        new Random(5).NextBytes(bytes);
        float[] scalar = new float[Blocks * 64], vector = new float[Blocks * 64];
        fixed (byte* source = bytes)
        fixed (float* expected = scalar, actual = vector)
        {
            for (int block = 0; block < Blocks; block++)
            {
                FourBitFormat.SetScale(source + block * 36, 1f / (block - 3));
            }

            format.DecodeScalar(source, Blocks, expected);
            format.Decode(source, Blocks, actual);
            Assert.Equal(Bits(scalar), Bits(vector));
            if (Avx2.IsSupported)
            {
                vector.AsSpan().Clear();
                format.Decode256(source, Blocks, actual);
                Assert.Equal(Bits(scalar), Bits(vector));
            }
        }
    }

    [Fact]
    public void A_run_may_begin_and_end_inside_a_block_and_cross_rows()
    {
        float[] values = [.. Enumerable.Range(0, 700).Select(i => MathF.Sin(i * 0.7f) * (1 + i / 64))];
        StoredTensor stored = WeightConverter.Convert(StoredTensor.FromFloats("w", new Shape(7, 100), values), new WeightStorage(ElementType.NF4), threads: 1);
        float[] all = WeightDecoder.Decode(stored);
        using var backend = CpuBackend.Create(threads: 1);
        using Tensor weight = backend.Load(stored);
        foreach ((int first, int count) in new[] { (0, 1), (63, 2), (64, 64), (100, 100), (150, 333), (699, 1), (0, 700), (9, 0) })
        {
            float[] run = new float[count];
            backend.Read(weight, run, first);
            Assert.Equal(all.AsSpan(first, count).ToArray(), run);
        }

        Assert.Equal(11 * 36, stored.Bytes);
        Assert.Throws<ArgumentException>(() => stored.RowBytes);
    }

    [Fact]
    public void The_number_of_threads_does_not_change_the_bytes()
    {
        float[] values = [.. Enumerable.Range(0, 300_000).Select(i => MathF.Sin(i * 0.37f) * MathF.Cos(i * 0.0011f))];
        StoredTensor source = StoredTensor.FromFloats("w", new Shape(300, 1000), values);
        var storage = new WeightStorage(ElementType.NF4, doubleQuantization: true, blockSize: 128);
        byte[] one = WeightConverter.Convert(source, storage, threads: 1).Span.ToArray();
        Assert.Equal(one, WeightConverter.Convert(source, storage, threads: 3).Span.ToArray());
    }

    [Fact]
    public void Other_storages_round_each_number()
    {
        StoredTensor source = FourBitGoldens.NF4.Find("weight_like.f32.input")!;
        float[] expected = [.. WeightDecoder.Decode(source).Select(value => BF16Format.Widen(BF16Format.Round(value)))];
        StoredTensor converted = WeightConverter.Convert(source, new WeightStorage(ElementType.BF16), threads: 2);
        Assert.Equal((ElementType.BF16, source.Shape), (converted.Type, converted.Shape));
        Assert.Equal(expected, WeightDecoder.Decode(converted));
        Assert.Same(converted, WeightConverter.Convert(converted, new WeightStorage(ElementType.BF16), threads: 2));
    }

    [Fact]
    public void A_storage_that_does_not_exist_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new WeightStorage(ElementType.Q4_K));
        Assert.Throws<ArgumentException>(() => new WeightStorage(ElementType.BF16, doubleQuantization: true));
        Assert.Throws<ArgumentException>(() => new WeightStorage(ElementType.BF16, blockSize: 128));
        Assert.Throws<ArgumentException>(() => new WeightStorage(ElementType.NF4, blockSize: 96));
        Assert.Throws<ArgumentException>(() => new WeightStorage(ElementType.NF4, blockSize: 8192));
    }

    [SharedFact(Linears)]
    public void Linear_layers_on_quantised_weights_equal_Linear4bit()
    {
        var golden = new FourBitGoldens("linear4bit", Path.Combine(Paths.Shared, Linears));
        using var backend = CpuBackend.Create(threads: 2);
        foreach (JsonElement layer in golden.Json.GetProperty("cases").EnumerateArray())
        {
            string key = layer.GetProperty("key").GetString()!;
            long inputs = layer.GetProperty("in_features").GetInt64(), outputs = layer.GetProperty("out_features").GetInt64();
            StoredTensor stored = FourBitGoldens.Store(
                ElementType.NF4, new Shape(outputs, inputs), golden.Bytes($"{key}.packed"), golden.Floats($"{key}.absmax"), layer.GetProperty("blocksize").GetInt32());
            using Tensor weight = backend.Load(stored);
            using Tensor x = Load($"{key}.x", inputs), dy = Load($"{key}.grad_y", outputs);
            using Tensor? bias = golden.Find($"{key}.bias") is { } vector ? backend.Load(vector) : null;
            using Tensor y = backend.Allocate(new Shape(x.Shape[0], outputs)), dx = backend.Allocate(x.Shape);
            backend.Linear(x, weight, bias, null, y);
            backend.LinearBackward(dy, x, weight, null, dx, accumulate: false, null, null);
            Close(golden.Floats($"{key}.y"), y);
            Close(golden.Floats($"{key}.grad_x"), dx);
        }

        Tensor Load(string name, long columns)
        {
            StoredTensor stored = golden.Find(name)!;
            return backend.Load(stored.As(name, new Shape(stored.Shape.Count / columns, columns)));
        }

        void Close(float[] expected, Tensor actual)
        {
            float[] values = new float[expected.Length];
            backend.Read(actual, values);
            float tolerance = 1e-5f * expected.Max(MathF.Abs);
            Assert.All(expected.Zip(values), pair => Assert.InRange(pair.Second - pair.First, -tolerance, tolerance));
        }
    }

    private static (FourBitGoldens Golden, FourBitCodebook Codebook, string Input) Golden(string type, string key) => type == "NF4"
        ? (FourBitGoldens.NF4, FourBitCodebook.NF4, key[..key.LastIndexOf('.')])
        : (FourBitGoldens.FP4, FourBitCodebook.FP4, key);

    private static int[] Bits(float[] values) => Array.ConvertAll(values, BitConverter.SingleToInt32Bits);
}
