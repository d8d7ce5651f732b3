using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tests.Models;
using TemporaryFolder = FineTuneTool.TestKit.TemporaryFolder;

namespace FineTuneTool.Engine.Tests.Adapters;

public class LoraAdapterTests
{
    private static readonly LoraSettings Settings = new() { Rank = 4, Alpha = 8 };

    [Fact]
    public void A_new_adapter_changes_nothing_yet()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        float[] plain = ModelGolden.Logits(decoder, TinyModel.Batch());
        using LoraAdapter adapter = LoraAdapter.Create(decoder, Settings, seed: 1);
        decoder.ActiveAdapter = adapter;
        Assert.Equal(plain, ModelGolden.Logits(decoder, TinyModel.Batch()));
    }

    [Fact]
    public void A_is_uniform_within_one_over_the_root_of_its_inputs()
    {
        using var model = new TinyModel();
        using LoraAdapter adapter = LoraAdapter.Create(model.Load(), Settings with { Rank = 64 }, seed: 1);
        float[] down = Values(adapter, "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight");
        float bound = 1 / MathF.Sqrt(22);
        Assert.All(down, value => Assert.InRange(value, -bound, bound));
        Assert.InRange(down.Average(), -0.02, 0.02);
        Assert.Equal(bound * bound / 3, down.Average(value => value * value), 0.002);
    }

    [Fact]
    public void The_seed_decides_and_another_target_leaves_the_others_alone()
    {
        const string Name = "base_model.model.model.layers.1.self_attn.v_proj.lora_A.weight";
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        LoraSettings narrow = Settings with { Targets = ModuleSelection.Of("v_proj") };
        using LoraAdapter first = LoraAdapter.Create(decoder, Settings, 1), again = LoraAdapter.Create(decoder, narrow, 1), other = LoraAdapter.Create(decoder, narrow, 2);
        Assert.Equal(Values(first, Name), Values(again, Name));
        Assert.NotEqual(Values(first, Name), Values(other, Name));
        Assert.NotEqual(Values(first, Name), Values(first, Name.Replace("layers.1", "layers.0")));
    }

    [Theory]
    [InlineData("all-linear", "q_proj;k_proj;v_proj;o_proj;gate_proj;up_proj;down_proj")]
    [InlineData("q_proj", "q_proj")]
    [InlineData(@".*\.1\.mlp\.up_proj", "model.layers.1.mlp.up_proj")]
    public void The_written_configuration_names_what_was_adapted(string targets, string written)
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        using LoraAdapter adapter = LoraAdapter.Create(decoder, Settings with { Targets = LoraTargets.Parse([targets]), UseRslora = true, Dropout = 0.1 }, seed: 1);
        using var folder = new TemporaryFolder();
        adapter.Write(folder.Path, "some/model");
        using PeftAdapter files = PeftAdapter.Read(folder.Path);
        Assert.Equal(written.Split(';'), files.Config.TargetModules!.Names!);
        Assert.Equal(("some/model", 4, 8.0, 0.1, true), (files.Config.BaseModelNameOrPath, files.Config.R, files.Config.LoraAlpha, files.Config.LoraDropout, files.Config.UseRslora));

        using LoraAdapter loaded = LoraAdapter.Load(decoder, files, trainable: true);
        Assert.Equal(adapter.Parameters!.Parameters, loaded.Parameters!.Parameters);
        Assert.Equal(0.1, loaded.Settings.Dropout);
        Assert.All(adapter.Parameters.Parameters, parameter => Assert.Equal(Values(adapter, parameter.Name), Values(loaded, parameter.Name)));
    }

    [Fact]
    public void A_frozen_adapter_counts_but_is_not_trained()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        using LoraAdapter adapter = LoraAdapter.Create(decoder, Settings, seed: 1);
        adapter.Parameters!.WriteValues([.. Enumerable.Range(0, (int)adapter.Parameters.Count).Select(i => MathF.Sin(i))]);
        using var folder = new TemporaryFolder();
        adapter.Write(folder.Path, null);
        using PeftAdapter files = PeftAdapter.Read(folder.Path);
        using LoraAdapter frozen = LoraAdapter.Load(decoder, files, trainable: false);
        decoder.ActiveAdapter = adapter;
        double expected = decoder.Evaluate(TinyModel.Batch()).LossSum;
        decoder.ActiveAdapter = frozen;
        Assert.Equal(expected, decoder.Evaluate(TinyModel.Batch()).LossSum);
        Assert.Null(frozen.Parameters);
        Assert.Equal(0, decoder.Trainable.Count);
    }

    [Fact]
    public void A_disposed_adapter_counts_no_more()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        float[] plain = ModelGolden.Logits(decoder, TinyModel.Batch());
        LoraAdapter adapter = LoraAdapter.Create(decoder, Settings, seed: 1);
        decoder.ActiveAdapter = adapter;
        adapter.Dispose();
        Assert.Null(decoder.ActiveAdapter);
        Assert.Equal(plain, ModelGolden.Logits(decoder, TinyModel.Batch()));
    }

    [Fact]
    public void Dropout_on_the_head_is_FT0311()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        LoraSettings settings = Settings with { Dropout = 0.1, Targets = ModuleSelection.Of("lm_head") };
        var refused = Assert.Throws<FineTuneException>(() => LoraAdapter.Create(decoder, settings, seed: 1));
        Assert.Equal(Codes.UnsupportedAdapter, refused.Diagnostic.Code);
    }

    [Theory]
    [InlineData("no B", "lora_B.weight'")]
    [InlineData("wrong rank", "(3, 20)")]
    [InlineData("unknown layer", "model.layers.2.self_attn.q_proj")]
    [InlineData("target without tensors", "model.layers.1.self_attn.q_proj")]
    [InlineData("no tensors", "no tensors")]
    [InlineData("tied head", "whose head is its embedding")]
    public void An_adapter_that_does_not_fit_is_FT1001(string fault, string named)
    {
        using var model = new TinyModel(tied: fault == "tied head");
        Decoder decoder = model.Load();
        const string Q0 = "base_model.model.model.layers.0.self_attn.q_proj", Q1 = "base_model.model.model.layers.1.self_attn.q_proj";
        var tensors = new Dictionary<string, Shape>
        {
            [$"{Q0}.lora_A.weight"] = new(4, 20),
            [$"{Q0}.lora_B.weight"] = new(18, 4),
            [$"{Q1}.lora_A.weight"] = new(4, 20),
            [$"{Q1}.lora_B.weight"] = new(18, 4),
        };
        switch (fault)
        {
            case "no B":
                tensors.Remove($"{Q0}.lora_B.weight");
                break;
            case "wrong rank":
                tensors[$"{Q0}.lora_A.weight"] = new(3, 20);
                break;
            case "unknown layer":
                tensors[$"{Q0.Replace("layers.0", "layers.2")}.lora_A.weight"] = new(4, 20);
                break;
            case "target without tensors":
                tensors.Remove($"{Q1}.lora_A.weight");
                tensors.Remove($"{Q1}.lora_B.weight");
                break;
            case "no tensors":
                tensors.Clear();
                break;
            case "tied head":
                tensors["base_model.model.lm_head.lora_A.weight"] = new(4, 20);
                break;
        }

        using var folder = new TemporaryFolder();
        PeftAdapter.Write(
            folder.Path, new PeftConfig { R = 4, TargetModules = ModuleSelection.Of("q_proj") },
            tensors.Select(pair => StoredTensor.FromFloats(pair.Key, pair.Value, new float[pair.Value.Count])));
        using PeftAdapter files = PeftAdapter.Read(folder.Path);
        var refused = Assert.Throws<FineTuneException>(() => LoraAdapter.Load(decoder, files, trainable: false));
        Assert.Equal(Codes.AdapterDoesNotFit, refused.Diagnostic.Code);
        Assert.Contains(named, refused.Diagnostic.Message);
    }

    private static float[] Values(LoraAdapter adapter, string name)
    {
        Parameter parameter = adapter.Parameters!.Parameters.Single(parameter => parameter.Name == name);
        float[] values = new float[parameter.Shape.Count];
        adapter.Parameters.ReadValues(values, parameter.Offset);
        return values;
    }
}
