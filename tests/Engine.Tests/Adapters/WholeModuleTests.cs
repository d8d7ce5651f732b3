using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Exports;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tests.Models;
using TemporaryFolder = FineTuneTool.TestKit.TemporaryFolder;

namespace FineTuneTool.Engine.Tests.Adapters;

/// <summary>What an adapter changes beside its branches on linear layers: the embedding, biases, and modules that are trained as a whole.</summary>
public class WholeModuleTests
{
    private static readonly LoraSettings Settings = new() { Rank = 4, Alpha = 8, Targets = ModuleSelection.Of("q_proj") };

    public static TheoryData<string, LoraSettings> Kinds => new()
    {
        { "head", Settings with { ModulesToSave = ["lm_head"] } },
        { "embedding", Settings with { ModulesToSave = ["embed_tokens"] } },
        { "norms", Settings with { ModulesToSave = ["norm"] } },
        { "linear", Settings with { ModulesToSave = ["o_proj"] } },
        { "branch on the embedding", Settings with { Targets = ModuleSelection.Of("q_proj", "embed_tokens") } },
        { "biases", Settings with { Bias = "all", LoraBias = true } },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_new_adapter_changes_nothing_until_it_is_trained_and_leaves_with_it(string kind, LoraSettings settings)
    {
        Assert.NotEmpty(kind);
        using var model = new TinyModel(tied: true);
        Decoder decoder = model.Load();
        float[] plain = ModelGolden.Logits(decoder, TinyModel.Batch());
        using LoraAdapter adapter = LoraAdapter.Create(decoder, settings, seed: 1);
        decoder.ActiveAdapter = adapter;
        Assert.Equal(plain, ModelGolden.Logits(decoder, TinyModel.Batch()));
        Move(adapter);
        Assert.NotEqual(plain, ModelGolden.Logits(decoder, TinyModel.Batch()));
        decoder.ActiveAdapter = null;
        Assert.Equal(plain, ModelGolden.Logits(decoder, TinyModel.Batch()));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Written_merged_and_exported_it_is_the_same_model(string kind, LoraSettings settings)
    {
        using var model = new TinyModel(tied: true);
        Decoder decoder = model.Load();
        using LoraAdapter adapter = LoraAdapter.Create(decoder, settings, seed: 1);
        Move(adapter);
        decoder.ActiveAdapter = adapter;
        float[] expected = ModelGolden.Logits(decoder, TinyModel.Batch());

        using var folder = new TemporaryFolder();
        adapter.Write(folder["adapter"], null);
        using PeftAdapter files = PeftAdapter.Read(folder["adapter"]);
        using Adapter read = AdapterKinds.Load(decoder, files, trainable: false);
        decoder.ActiveAdapter = read;
        Assert.Equal(expected, ModelGolden.Logits(decoder, TinyModel.Batch()));

        using ModelFiles source = ModelFiles.Open(model.Folder);
        MergedFolderExport.Write(folder["merged"], source, decoder, adapter, new MergedFolderSettings(ElementType.F32));
        ModelGolden.Near(expected, ModelGolden.Logits(model.LoadFrom(folder["merged"]), TinyModel.Batch()), 2e-5, kind);
        bool unties = kind is "head" or "embedding" or "branch on the embedding";
        Assert.Equal(unties, AdapterMerge.Unties(decoder, adapter));
        Assert.Equal(unties, AdapterMerge.Weights(decoder, adapter).Any(weight => weight.Name == "lm_head.weight"));
    }

    [Theory]
    [InlineData(1, 3)]
    [InlineData(2, 4)]
    public void Gradients_are_the_same_bits_for_any_number_of_threads(int first, int second)
    {
        Assert.Equal(Gradients(first), Gradients(second));

        static float[] Gradients(int threads)
        {
            using var model = new TinyModel();
            Decoder decoder = model.Load(threads);
            using LoraAdapter adapter = LoraAdapter.Create(
                decoder, Settings with { Targets = ModuleSelection.Of("embed_tokens", "up_proj"), Dropout = 0.2, Bias = "all", LoraBias = true, ModulesToSave = ["lm_head", "norm"] }, seed: 1);
            Move(adapter);
            decoder.ActiveAdapter = adapter;
            decoder.ForwardBackward(TinyModel.Batch(), 1, 2);
            float[] gradients = new float[decoder.Trainable.Count];
            decoder.Trainable.ReadGradients(gradients);
            return gradients;
        }
    }

    [Fact]
    public void A_bias_that_the_base_lacks_cannot_be_merged()
    {
        using var model = new TinyModel(biased: false);
        Decoder decoder = model.Load();
        using LoraAdapter adapter = LoraAdapter.Create(decoder, Settings with { LoraBias = true }, seed: 1);
        var refused = Assert.Throws<FineTuneException>(() => AdapterMerge.Weights(decoder, adapter).ToArray());
        Assert.Equal(Codes.UnsupportedAdapter, refused.Diagnostic.Code);
    }

    [Fact]
    public void Biases_and_norms_do_not_decay()
    {
        using var model = new TinyModel();
        using LoraAdapter adapter = LoraAdapter.Create(model.Load(), Settings with { Bias = "all", LoraBias = true, ModulesToSave = ["norm", "lm_head"] }, seed: 1);
        Assert.All(adapter.Parameters!.Parameters, parameter => Assert.Equal(!parameter.Name.Contains("bias") && !parameter.Name.Contains("norm"), parameter.Decays));
    }

    private static void Move(Adapter adapter)
    {
        ParameterSet parameters = adapter.Parameters!;
        float[] values = new float[parameters.Count];
        parameters.ReadValues(values);
        parameters.WriteValues([.. values.Select((value, i) => value + 0.2f * MathF.Sin(i))]);
    }
}
