using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Exports;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tests.Models;
using TemporaryFolder = FineTuneTool.TestKit.TemporaryFolder;

namespace FineTuneTool.Engine.Tests.Adapters;

public class DoraTests
{
    private static readonly LoraSettings Settings = new() { Rank = 3, Alpha = 5, UseDora = true };

    [Fact]
    public void A_new_adapter_changes_nothing_but_rounding()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        float[] plain = ModelGolden.Logits(decoder, TinyModel.Batch());
        using LoraAdapter adapter = LoraAdapter.Create(decoder, Settings, seed: 1);
        decoder.ActiveAdapter = adapter;
        ModelGolden.Near(plain, ModelGolden.Logits(decoder, TinyModel.Batch()), 1e-5, "logits");
    }

    /// <summary>The norm counts as a constant: where it equals the magnitude, DoRA is LoRA, with dropout, too.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(0.3)]
    public void With_the_lengths_that_rows_have_loss_and_gradients_are_those_of_LoRA(double dropout)
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        using LoraAdapter lora = LoraAdapter.Create(decoder, Settings with { UseDora = false, Dropout = dropout }, seed: 1);
        using LoraAdapter dora = LoraAdapter.Create(decoder, Settings with { Dropout = dropout }, seed: 1);
        lora.Parameters!.WriteValues([.. Enumerable.Range(0, (int)lora.Parameters.Count).Select(i => 0.3f * MathF.Sin(i))]);
        Dictionary<string, MergedWeight> merged = AdapterMerge.Weights(decoder, lora).ToDictionary(weight => weight.Name);
        foreach (Parameter parameter in dora.Parameters!.Parameters)
        {
            dora.Parameters.WriteValues(
                parameter.Name.EndsWith("magnitude_vector") ? RowNorms(merged[parameter.Name["base_model.model.".Length..].Replace("lora_magnitude_vector", "weight")])
                    : Slice(lora.Parameters, parameter.Name, lora.Parameters.ReadValues), parameter.Offset);
        }

        decoder.ActiveAdapter = lora;
        BatchLoss expected = decoder.ForwardBackward(TinyModel.Batch(), 1, 2);
        decoder.ActiveAdapter = dora;
        BatchLoss actual = decoder.ForwardBackward(TinyModel.Batch(), 1, 2);
        Assert.Equal(expected.LossSum, actual.LossSum, 1e-4);
        foreach (Parameter parameter in lora.Parameters.Parameters)
        {
            float[] gradient = Slice(lora.Parameters, parameter.Name, lora.Parameters.ReadGradients);
            ModelGolden.Near(gradient, Slice(dora.Parameters, parameter.Name, dora.Parameters.ReadGradients), 1e-4 * Math.Max(1e-3, gradient.Max(Math.Abs)), parameter.Name);
        }
    }

    [Theory]
    [InlineData(ElementType.NF4)]
    [InlineData(ElementType.Q8_0)]
    public void A_quantised_base_gives_what_its_numbers_give(ElementType type)
    {
        using var backend = CpuBackend.Create(2);
        using ModelFiles files = ModelFiles.Open(ModelGolden.FolderOf("tiny/llama"));
        using Decoder quantised = Decoder.Load(files, backend, new WeightStorage(type));
        using var folder = new TemporaryFolder();
        MergedFolderExport.Write(folder["wide"], files, quantised, null, new MergedFolderSettings(ElementType.F32));
        using ModelFiles wideFiles = ModelFiles.Open(folder["wide"]);
        using Decoder wide = Decoder.Load(wideFiles, backend);
        float[] stored = Logits(quantised), decoded = Logits(wide);
        ModelGolden.Near(decoded, stored, 1e-4, "logits");

        static float[] Logits(Decoder decoder)
        {
            using LoraAdapter adapter = LoraAdapter.Create(decoder, Settings, seed: 1);
            float[] values = new float[adapter.Parameters!.Count];
            adapter.Parameters.ReadValues(values);
            adapter.Parameters.WriteValues([.. values.Select((value, i) => value + 0.1f * MathF.Sin(i))]);
            decoder.ActiveAdapter = adapter;
            return ModelGolden.Logits(decoder, ModelGolden.Whole([5, 9, 200, 31, 7, 7, 120]));
        }
    }

    [Theory]
    [InlineData("lm_head")]
    [InlineData("embed_tokens")]
    public void Where_it_cannot_be_trained_it_is_refused_at_its_place(string target)
    {
        using var model = new TinyModel();
        LoraSettings settings = Settings with { Targets = ModuleSelection.Of("q_proj", target), PlaceOf = name => new SourcePosition(name, 7, 2) };
        var refused = Assert.Throws<FineTuneException>(() => LoraAdapter.Create(model.Load(), settings, seed: 1));
        Assert.Equal((Codes.UnsupportedAdapter, new SourcePosition("UseDora", 7, 2)), (refused.Diagnostic.Code, refused.Diagnostic.Position));
    }

    [Fact]
    public void Gradients_are_the_same_bits_for_any_number_of_threads()
    {
        Assert.Equal(Gradients(1), Gradients(3));

        static float[] Gradients(int threads)
        {
            using var model = new TinyModel();
            Decoder decoder = model.Load(threads);
            using LoraAdapter adapter = LoraAdapter.Create(decoder, Settings with { Dropout = 0.2 }, seed: 1);
            decoder.ActiveAdapter = adapter;
            decoder.ForwardBackward(TinyModel.Batch(), 1, 2);
            float[] gradients = new float[decoder.Trainable.Count];
            decoder.Trainable.ReadGradients(gradients);
            return gradients;
        }
    }

    private delegate void Reader(Span<float> values, long offset);

    private static float[] Slice(ParameterSet parameters, string name, Reader read)
    {
        Parameter parameter = parameters.Parameters.Single(parameter => parameter.Name == name);
        float[] values = new float[parameter.Shape.Count];
        read(values, parameter.Offset);
        return values;
    }

    private static float[] RowNorms(MergedWeight weight)
    {
        float[] values = new float[weight.Shape.Count];
        weight.ReadRows(0, values);
        return [.. values.Chunk((int)weight.Shape[1]).Select(row => (float)Math.Sqrt(row.Sum(value => (double)value * value)))];
    }
}
