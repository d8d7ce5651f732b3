using System.Text.Json;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tests.Models;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Adapters;

public class LoraInitialisationTests
{
    private static readonly LoraSettings Settings = new() { Rank = 4, Alpha = 8 };

    [Theory]
    [InlineData("gaussian")]
    [InlineData("pissa")]
    [InlineData("olora")]
    public void A_new_adapter_changes_nothing_but_rounding(string init)
    {
        using var model = new Models.TinyModel();
        Decoder decoder = model.Load();
        float[] plain = ModelGolden.Logits(decoder, Models.TinyModel.Batch());
        using LoraAdapter adapter = LoraAdapter.Create(decoder, Settings with { Init = init }, seed: 1);
        decoder.ActiveAdapter = adapter;
        ModelGolden.Near(plain, ModelGolden.Logits(decoder, Models.TinyModel.Batch()), 2e-5, init);
        using LoraAdapter usual = LoraAdapter.Create(decoder, Settings, seed: 1);
        Assert.NotEqual(Values(usual), Values(adapter));
    }

    [Fact]
    public void Gaussian_begins_with_the_deviation_of_one_over_the_rank()
    {
        using var model = new Models.TinyModel();
        using LoraAdapter adapter = LoraAdapter.Create(model.Load(), Settings with { Rank = 64, Init = "gaussian", Targets = ModuleSelection.Of("q_proj") }, seed: 1);
        float[] a = Values(adapter)[..(64 * 20)];
        Assert.Equal(1 / 64.0, Math.Sqrt(a.Average(value => (double)value * value)), 0.001);
    }

    /// <summary>The product is the best approximation of its rank: nothing of W is left along it, and what is left is smaller than its smallest part.</summary>
    [Theory]
    [InlineData(ElementType.F32)]
    [InlineData(ElementType.NF4)]
    public void Pissa_takes_the_largest_part_of_the_weight_as_it_is_held(ElementType type)
    {
        using var backend = CpuBackend.Create(2);
        using ModelFiles files = ModelFiles.Open(ModelGolden.FolderOf("tiny/llama"));
        using Decoder decoder = Decoder.Load(files, backend, type == ElementType.F32 ? null : new WeightStorage(type));
        Tensor weight = decoder.Linears[0].Weight.Value;
        TruncatedSvd svd = TruncatedSvd.Compute(backend, weight, 4, new CounterRandom(1, RandomPurpose.Initialisation));
        float[] values = new float[weight.Shape.Count];
        backend.Read(weight, values);
        double[][] rows = [.. values.Chunk((int)weight.Shape[1]).Select(row => row.Select(value => (double)value).ToArray())];
        for (int r = 0; r < 4; r++)
        {
            Assert.Equal(1, Orthonormal.Dot(svd.Left[r], svd.Left[r]), 1e-5);
            for (int n = 0; n < rows.Length; n++)
            {
                Assert.Equal(svd.Values[r] * svd.Left[r][n], Orthonormal.Dot(rows[n], svd.Right[r]), 1e-5);
            }

            Assert.True(r == 0 || svd.Values[r] <= svd.Values[r - 1]);
        }

        double all = rows.Sum(row => Orthonormal.Dot(row, row)), next = TruncatedSvd.Compute(backend, weight, 5, new CounterRandom(2, RandomPurpose.Initialisation)).Values[4];
        Assert.InRange(next, 0, svd.Values[3]);
        Assert.InRange(svd.Values.Sum(value => value * value), 0, all);
    }

    [SharedTheory("goldens/models/peft")]
    [InlineData("llama-pissa")]
    [InlineData("qwen2-pissa")]
    public void Pissa_takes_what_PEFT_takes(string name)
    {
        using var golden = new ModelGolden($"peft/{name}");
        Decoder decoder = golden.Load(golden.Expected.GetProperty("base").GetString());
        using PeftAdapter files = PeftAdapter.Read(Path.Combine(golden.Folder, "adapter"));
        using LoraAdapter fresh = LoraAdapter.Create(decoder, LoraSettings.From(files.Config), seed: 3);
        float scale = fresh.Settings.ScaleOf("model.layers.0.self_attn.q_proj");
        foreach (JsonProperty module in golden.Expected.GetProperty("modules").EnumerateObject())
        {
            LinearLayer linear = decoder.Linears.Single(linear => linear.Path == module.Name);
            var branch = (LowRankBranch)fresh.Branches[linear];
            float[] expected = Product(golden.Tensor($"{module.Name}.lora_B.weight"), golden.Tensor($"{module.Name}.lora_A.weight"), branch.Rank);
            float[] ours = Product(Read(decoder.Backend, branch.B), Read(decoder.Backend, branch.A), branch.Rank), residual = golden.Tensor($"{module.Name}.residual");
            // The reference's own distance from a float64 decomposition is recorded; close singular values make it larger.
            double tolerance = 1e-6 + module.Value.GetProperty("max_abs_err_sBA_vs_float64_svd").GetDouble();
            ModelGolden.Near([.. expected.Select(value => scale * value)], [.. ours.Select(value => scale * value)], tolerance, module.Name);
            float[] weight = Read(decoder.Backend, linear.Weight.Value);
            ModelGolden.Near(residual, [.. weight.Select((value, i) => value - scale * ours[i])], tolerance, $"{module.Name} without it");
        }

        // PEFT repeats the initialisation when it opens such a folder, and so is it read here.
        using Adapter read = AdapterKinds.Load(decoder, files, trainable: false);
        decoder.ActiveAdapter = read;
        int[] ids = [.. golden.Expected.GetProperty("input_ids").EnumerateArray().Select(id => id.GetInt32())];
        ModelGolden.Near(golden.Tensor("logits"), ModelGolden.Logits(decoder, ModelGolden.Whole(ids)), ModelGolden.LogitTolerance, "logits");
    }

    [Theory]
    [InlineData("pissa", false)]
    [InlineData("pissa", true)]
    [InlineData("olora", false)]
    public void What_is_written_is_plain_LoRA_on_the_base_and_merges_to_what_was_trained(string init, bool rslora)
    {
        using var model = new Models.TinyModel();
        Decoder decoder = model.Load();
        LoraSettings settings = Settings with
        {
            Init = init,
            UseRslora = rslora,
            RankPattern = new Dictionary<string, int> { ["q_proj"] = 3 },
            AlphaPattern = new Dictionary<string, double> { ["up_proj"] = 5 },
        };
        using LoraAdapter adapter = LoraAdapter.Create(decoder, settings, seed: 1);
        float[] values = Values(adapter);
        adapter.Parameters!.WriteValues([.. values.Select((value, i) => value + 0.05f * MathF.Sin(i))]);
        decoder.ActiveAdapter = adapter;
        float[] expected = ModelGolden.Logits(decoder, Models.TinyModel.Batch());
        Dictionary<string, float[]> trained = Merged(decoder, adapter);

        using var folder = new TemporaryFolder();
        adapter.Write(folder.Path, "base");
        using PeftAdapter files = PeftAdapter.Read(folder.Path);
        Assert.Equal(("true", 8), (files.Config.InitLoraWeights, files.Config.R));
        using Adapter read = AdapterKinds.Load(decoder, files, trainable: false);
        decoder.ActiveAdapter = read;
        ModelGolden.Near(expected, ModelGolden.Logits(decoder, Models.TinyModel.Batch()), 5e-5, "logits");
        foreach ((string name, float[] merged) in Merged(decoder, read))
        {
            ModelGolden.Near(trained[name], merged, 2e-6, name);
        }
    }

    [Theory]
    [InlineData("pissa")]
    [InlineData("olora")]
    public void Any_number_of_threads_begins_alike(string init)
    {
        Assert.Equal(Begin(1), Begin(3));

        float[] Begin(int threads)
        {
            using var model = new Models.TinyModel();
            using LoraAdapter adapter = LoraAdapter.Create(model.Load(threads), Settings with { Init = init }, seed: 1);
            return Values(adapter);
        }
    }

    [Theory]
    [InlineData("pissa", true, 4)]
    [InlineData("olora", false, 7)]
    public void What_cannot_begin_so_is_refused_at_its_place(string init, bool dora, int rank)
    {
        using var model = new Models.TinyModel();
        LoraSettings settings = Settings with { Init = init, UseDora = dora, Rank = rank, PlaceOf = name => new SourcePosition(name, 2, 2) };
        var refused = Assert.Throws<FineTuneException>(() => LoraAdapter.Create(model.Load(), settings, seed: 1));
        Assert.Equal((Codes.UnsupportedAdapter, new SourcePosition("LoraInit", 2, 2)), (refused.Diagnostic.Code, refused.Diagnostic.Position));
    }

    private static Dictionary<string, float[]> Merged(Decoder decoder, Adapter adapter) => AdapterMerge.Weights(decoder, adapter).ToDictionary(weight => weight.Name, weight =>
    {
        float[] values = new float[weight.Shape.Count];
        weight.ReadRows(0, values);
        return values;
    });

    private static float[] Values(LoraAdapter adapter)
    {
        float[] values = new float[adapter.Parameters!.Count];
        adapter.Parameters.ReadValues(values);
        return values;
    }

    private static float[] Read(Backend backend, Tensor tensor)
    {
        float[] values = new float[tensor.Shape.Count];
        backend.Read(tensor, values);
        return values;
    }

    /// <summary>B (N, R) · A (R, K).</summary>
    private static float[] Product(float[] b, float[] a, int rank)
    {
        int columns = a.Length / rank;
        float[] product = new float[b.Length / rank * columns];
        for (int i = 0; i < product.Length; i++)
        {
            double sum = 0;
            for (int r = 0; r < rank; r++)
            {
                sum += (double)b[i / columns * rank + r] * a[r * columns + i % columns];
            }

            product[i] = (float)sum;
        }

        return product;
    }
}
