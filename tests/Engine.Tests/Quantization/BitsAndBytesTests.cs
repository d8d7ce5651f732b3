using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tests.Models;
using FineTuneTool.TestKit;
using Encoding = System.Text.Encoding;

namespace FineTuneTool.Engine.Tests.Quantization;

/// <summary>Checkpoints that transformers saved with bitsandbytes' 4-bit weights.</summary>
public class BitsAndBytesTests
{
    private const string Folder = "goldens/formats/nf4";

    [SharedTheory(Folder)]
    [InlineData("checkpoint_plain")]
    [InlineData("checkpoint_double")]
    public void Weights_decode_to_the_bits_of_the_rule_and_the_model_answers_like_them(string name)
    {
        var golden = new FourBitGoldens($"{name}_expected", Path.Combine(Paths.Shared, Folder));
        using ModelFiles files = ModelFiles.Open(Path.Combine(Paths.Shared, Folder, name));
        using CpuBackend backend = CpuBackend.Create(2);
        using Decoder decoder = Decoder.Load(files, backend);
        int compared = 0;
        foreach (Weight weight in decoder.Weights.Where(weight => weight.Value.Type == ElementType.NF4))
        {
            float[] values = new float[weight.Shape.Count];
            backend.Read(weight.Value, values);
            Assert.Equal(golden.Floats($"dequant.{weight.Name}"), values);
            compared++;
        }

        Assert.Equal(7 * decoder.Spec.NumHiddenLayers, compared);
        int[][] ids = [.. golden.Json.GetProperty("input_ids").EnumerateArray().Select(row => row.EnumerateArray().Select(id => id.GetInt32()).ToArray())];
        float[] logits = [.. ids.SelectMany(row => ModelGolden.Logits(decoder, ModelGolden.Whole(row)))];
        ModelGolden.Near(golden.Floats("logits_f32"), logits, 1e-4, "logits");
    }

    [Theory]
    [InlineData("shape", "[64, 65]", "FT0302")]
    [InlineData("shape", "[64]", "FT0302")]
    [InlineData("shape", "[-64, -64]", "FT0302")]
    [InlineData("shape", "[4611686018427387904, 4]", "FT0302")]
    [InlineData("shape", "\"64\"", "FT0302")]
    [InlineData("blocksize", "63", "FT0304")]
    [InlineData("blocksize", "128", "FT0302")]
    [InlineData("blocksize", "8192", "FT0304")]
    [InlineData("nested_blocksize", "64", "FT0304")]
    [InlineData("nested_blocksize", "256", "FT0302")]
    public void Parts_that_do_not_fit_are_refused(string key, string value, string code)
    {
        Dictionary<string, string> state = new() { ["shape"] = "[64, 64]", ["blocksize"] = "64" };
        Assert.Equal(4096, Assemble(state)!.Shape.Count);
        state[key] = value;
        Assert.Equal(code, Assert.Throws<FineTuneException>(() => Assemble(state)).Diagnostic.Code.Id);
    }

    [Fact]
    public void Another_table_of_numbers_is_refused() => Assert.Equal("FT0304", Assert.Throws<FineTuneException>(
        () => Assemble(new() { ["shape"] = "[64, 64]", ["blocksize"] = "64" }, firstNumber: -0.9f)).Diagnostic.Code.Id);

    private static StoredTensor? Assemble(Dictionary<string, string> state, float firstNumber = -1)
    {
        float[] map = FourBitCodebook.NF4.Values.ToArray();
        map[0] = firstNumber;
        string json = "{" + string.Join(",", state.Select(pair => $"\"{pair.Key}\": {pair.Value}")) + "}";
        var tensors = new TensorTable(
        [
            FourBitGoldens.Store(ElementType.U8, new Shape(2048, 1), new byte[2048]).As("w"),
            StoredTensor.FromFloats("w.absmax", new Shape(64), new float[64]),
            StoredTensor.FromFloats("w.quant_map", new Shape(16), map),
            FourBitGoldens.Store(ElementType.U8, new Shape(Encoding.UTF8.GetByteCount(json)), Encoding.UTF8.GetBytes(json)).As("w.quant_state.bitsandbytes__nf4"),
        ]);
        return BitsAndBytesWeights.Find(tensors, "w", "model");
    }
}
