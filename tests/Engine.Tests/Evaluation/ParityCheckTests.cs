using System.Text.Json.Nodes;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Evaluation;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tests.Generation;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Tests.Evaluation;

public sealed class ParityCheckTests(TinyDecoder tiny) : IClassFixture<TinyDecoder>
{
    private static readonly string[] Prompts = ["The old lighthouse keeper", "대한민국 헌법"];

    [Theory]
    [InlineData(ElementType.F32)]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.BF16)]
    public void A_merged_model_behaves_like_base_plus_adapter(ElementType type)
    {
        ParityResult result = Compare(Merge($"merged-{type}", type, tiny.Adapter));
        Assert.True(result.Passed, result.Failure);
        Assert.Equal(type, result.Type);
        Assert.Equal(1, result.AdapterShare!.Value, 1);
        Assert.InRange(result.RelativeError, 0, result.Bound);
    }

    [Fact]
    public void A_merged_F32_model_says_the_same_tokens()
    {
        ParityResult result = Compare(Merge("merged-same", ElementType.F32, tiny.Adapter));
        Assert.Equal((32, 32, 1.0), (result.GreedyEqual, result.GreedyTotal, result.SameTop));
    }

    [Fact]
    public void A_model_without_the_adapter_fails_as_FT0009()
    {
        ParityResult result = Compare(Merge("without", ElementType.F32, adapter: null));
        Assert.False(result.Passed);
        Assert.Equal(0, result.AdapterShare!.Value, 3);
        Diagnostic diagnostic = result.ToDiagnostic();
        Assert.Equal(Codes.ParityFailed, diagnostic.Code);
        Assert.Contains("without", diagnostic.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.layers.1.self_attn.k_proj.weight")]
    [InlineData("model.layers.0.mlp.down_proj.weight")]
    [InlineData("model.norm.weight")]
    public void One_damaged_tensor_fails(string name)
    {
        string folder = Merge("damaged-" + name, ElementType.F32, tiny.Adapter, damaged: name);
        Assert.False(Compare(folder).Passed);
    }

    [Fact]
    public void Weights_that_are_not_numbers_fail()
    {
        string folder = Merge("broken", ElementType.F32, tiny.Adapter, damaged: "model.norm.weight", damage: _ => float.NaN);
        Assert.Contains("not numbers", Compare(folder).Failure, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tokenizer_that_splits_otherwise_fails()
    {
        string folder = Merge("tokenizer", ElementType.F32, tiny.Adapter);
        string path = Path.Combine(folder, "tokenizer.json");
        JsonNode tokenizer = JsonNode.Parse(File.ReadAllText(path))!;
        tokenizer["normalizer"] = new JsonObject { ["type"] = "Lowercase" };
        File.WriteAllText(path, tokenizer.ToJsonString());
        Assert.Contains("tokenizer", Compare(folder).Failure, StringComparison.Ordinal);
    }

    [Fact]
    public void The_reference_keeps_its_adapter()
    {
        tiny.Decoder.ActiveAdapter = tiny.Adapter;
        _ = new ParityCheck(tiny.Decoder, tiny.Tokenizer, Prompts);
        Assert.Same(tiny.Adapter, tiny.Decoder.ActiveAdapter);
    }

    [Fact]
    public void A_coarser_type_is_allowed_a_larger_error()
    {
        ElementType[] fromFine = [ElementType.F32, ElementType.F16, ElementType.BF16, ElementType.Q8_0, ElementType.Q6_K, ElementType.Q5_K, ElementType.Q4_K];
        double[] bounds = [.. fromFine.Select(ParityBounds.ScoreError)];
        Assert.Equal(bounds.Order(), bounds);
        Assert.All(bounds, bound => Assert.InRange(bound, ParityBounds.Smallest, ParityBounds.Largest));
    }

    private ParityResult Compare(string folder)
    {
        tiny.Decoder.ActiveAdapter = tiny.Adapter;
        var check = new ParityCheck(tiny.Decoder, tiny.Tokenizer, Prompts);
        using var backend = CpuBackend.Create(1);
        using ModelFiles files = ModelFiles.Open(folder);
        using Decoder candidate = Decoder.Load(files, backend);
        return check.Compare(folder, candidate, TokenizerFiles.FromFolder(folder), ParityBounds.Coarsest(files));
    }

    /// <summary>A folder of the tiny model with an adapter added; one tensor may be spoilt, by default by turning its rows round.</summary>
    private string Merge(string name, ElementType type, LoraAdapter? adapter, string? damaged = null, Func<float, float>? damage = null)
    {
        string folder = tiny.File(name);
        Directory.CreateDirectory(folder);
        foreach (string file in new[] { "config.json", "tokenizer.json", "tokenizer_config.json" })
        {
            File.Copy(Path.Combine(tiny.Model, file), Path.Combine(folder, file));
        }

        SafetensorsWriter.WriteModel(folder, [.. AdapterMerge.Weights(tiny.Decoder, adapter).Select(weight => weight.Name == damaged ? Spoil(weight, damage) : weight.ToSource(type))]);
        return folder;
    }

    private static TensorSource Spoil(MergedWeight weight, Func<float, float>? damage)
    {
        float[] values = new float[weight.Shape.Count];
        weight.ReadRows(0, values);
        if (damage is null)
        {
            Array.Reverse(values);
            values = [.. values.Select((value, i) => weight.Shape.Rank == 1 ? value * (1 + (i % 3)) : value)];
        }
        else
        {
            values = [.. values.Select(damage)];
        }

        return TensorSource.Of(StoredTensor.FromFloats(weight.Name, weight.Shape, values));
    }
}
