using System.Text.Json;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Models;

/// <summary>Decoders whose layers are held in another storage than their files have.</summary>
public class QuantizedDecoderTests
{
    [Theory]
    [InlineData(ElementType.BF16, false)]
    [InlineData(ElementType.NF4, false)]
    [InlineData(ElementType.NF4, true)]
    [InlineData(ElementType.FP4, true)]
    public void Matrices_of_the_layers_alone_change_their_storage(ElementType type, bool doubleQuantization)
    {
        string path = Path.Combine(Paths.Goldens, "models", "tiny", "llama");
        using var backend = CpuBackend.Create(threads: 2);
        using ModelFiles files = ModelFiles.Open(path);
        using Decoder plain = Decoder.Load(files, backend), held = Decoder.Load(files, backend, new WeightStorage(type, doubleQuantization));
        Assert.Equal(plain.Weights.Select(weight => (weight.Name, weight.Shape)), held.Weights.Select(weight => (weight.Name, weight.Shape)));
        foreach ((Weight before, Weight after) in plain.Weights.Zip(held.Weights))
        {
            bool isOfLayer = before.Name.Contains("_proj.weight", StringComparison.Ordinal);
            Assert.Equal(isOfLayer ? type : before.Value.Type, after.Value.Type);
            Assert.Equal(isOfLayer, !Read(backend, before).SequenceEqual(Read(backend, after)));
        }

        PackedBatch batch = ModelGolden.Whole([1, 5, 9, 300, 17, 4, 8, 2]);
        Assert.NotEqual(plain.Evaluate(batch).LossSum, held.Evaluate(batch).LossSum);
    }

    [SharedFact("goldens/models/smollm2")]
    public void SmolLM2_with_nested_scales_reads_a_passage_as_with_bitsandbytes()
    {
        using ModelFiles files = ModelFiles.Open(Paths.SmolLm2);
        using var golden = new SmolLm2Golden("inference");
        using Decoder decoder = Decoder.Load(files, golden.Backend, new WeightStorage(ElementType.NF4, doubleQuantization: true));
        JsonElement passage = golden.Json.GetProperty("passage");
        BatchLoss loss = decoder.Evaluate(ModelGolden.Whole(SmolLm2Golden.Ints(passage.GetProperty("ids"))));
        Assert.Equal(passage.GetProperty("nf4_double_quant_fp32_compute_mean_nll").GetDouble(), loss.LossSum / loss.SupervisedTokens, 5e-3);
    }

    private static float[] Read(Backend backend, Weight weight)
    {
        float[] values = new float[weight.Shape.Count];
        backend.Read(weight.Value, values);
        return values;
    }
}
