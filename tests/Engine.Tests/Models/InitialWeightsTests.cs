using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Models;

/// <summary>Models whose folder has a config.json and no weights.</summary>
public sealed class InitialWeightsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Matrices_have_the_deviation_of_the_configuration_and_norms_are_one()
    {
        Dictionary<string, float[]> weights = Weights(Config("llama", layers: 2, deviation: 0.05), seed: 1);
        float[] matrix = weights["model.layers.1.mlp.gate_proj.weight"];
        Assert.InRange(matrix.Average(), -0.002, 0.002);
        Assert.InRange(Math.Sqrt(matrix.Average(value => (double)value * value)), 0.049, 0.051);
        Assert.All(weights.Where(weight => weight.Key.EndsWith("norm.weight", StringComparison.Ordinal)), weight => Assert.All(weight.Value, value => Assert.Equal(1, value)));
        Assert.DoesNotContain("lm_head.weight", weights.Keys);
    }

    [Fact]
    public void Without_a_deviation_it_is_that_of_transformers()
    {
        float[] matrix = Weights(Config("llama", layers: 1, deviation: null), seed: 1)["model.embed_tokens.weight"];
        Assert.InRange(Math.Sqrt(matrix.Average(value => (double)value * value)), 0.0195, 0.0205);
    }

    [Fact]
    public void Biases_are_zero()
    {
        Dictionary<string, float[]> weights = Weights(Config("qwen2", layers: 1, deviation: 0.02), seed: 1);
        Assert.All(weights["model.layers.0.self_attn.q_proj.bias"], value => Assert.Equal(0, value));
    }

    [Fact]
    public void Norms_that_are_stored_less_one_begin_as_zeros() =>
        Assert.All(Weights(Config("gemma", layers: 1, deviation: 0.02), seed: 1)["model.norm.weight"], value => Assert.Equal(0, value));

    [Fact]
    public void Another_seed_gives_other_numbers_and_the_same_one_the_same()
    {
        string config = Config("llama", layers: 1, deviation: 0.02);
        const string Name = "model.layers.0.self_attn.q_proj.weight";
        float[] first = Weights(config, seed: 1)[Name];
        Assert.Equal(first, Weights(config, seed: 1)[Name]);
        Assert.NotEqual(first, Weights(config, seed: 2)[Name]);
    }

    [Fact]
    public void The_number_of_threads_changes_nothing() => Assert.Equal(
        Weights(Config("llama", layers: 1, deviation: 0.02), seed: 1, threads: 1)["model.embed_tokens.weight"],
        Weights(Config("llama", layers: 1, deviation: 0.02), seed: 1, threads: 3)["model.embed_tokens.weight"]);

    [Fact]
    public void A_tensor_begins_alike_whatever_other_layers_there_are()
    {
        Dictionary<string, float[]> small = Weights(Config("llama", layers: 1, deviation: 0.02), seed: 1), large = Weights(Config("llama", layers: 3, deviation: 0.02), seed: 1);
        Assert.All(small, weight => Assert.Equal(weight.Value, large[weight.Key]));
        Assert.NotEqual(large["model.layers.0.mlp.up_proj.weight"], large["model.layers.1.mlp.up_proj.weight"]);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-0.02")]
    [InlineData("\"wide\"")]
    public void A_deviation_that_is_no_number_above_zero_is_FT0306(string deviation)
    {
        string config = Config("llama", layers: 1, deviation: 0.02).Replace("0.02", deviation, StringComparison.Ordinal);
        Assert.Equal(Codes.BadModelConfig, Assert.Throws<FineTuneException>(() => Weights(config, seed: 1)).Diagnostic.Code);
    }

    [Fact]
    public void A_use_that_needs_weights_is_FT0312()
    {
        _folder.Write("config.json", Config("llama", layers: 1, deviation: 0.02));
        using ModelFiles files = ModelFiles.Open(_folder.Path);
        using var backend = CpuBackend.Create(1);
        FineTuneException refused = Assert.Throws<FineTuneException>(() => Decoder.Load(files, backend));
        Assert.Equal(("FT0312", _folder.Path), (refused.Diagnostic.Code.Id, refused.Diagnostic.Position.File));
    }

    [Fact]
    public void A_shard_without_its_index_is_no_model_without_weights()
    {
        _folder.Write("config.json", Config("llama", layers: 1, deviation: 0.02));
        _folder.Write("model-00001-of-00002.safetensors", "");
        Assert.Equal(Codes.FileUnreadable, Assert.Throws<FineTuneException>(() => ModelFiles.Open(_folder.Path)).Diagnostic.Code);
    }

    [Fact]
    public void A_plan_draws_no_numbers()
    {
        _folder.Write("config.json", Config("llama", layers: 1, deviation: 0.02));
        using ModelFiles files = ModelFiles.Open(_folder.Path);
        using var backend = CpuBackend.Create(1);
        using Decoder decoder = Decoder.Load(files, backend, initial: new InitialWeights(1, Planned: true));
        float[] values = new float[decoder.Embedding.Shape.Count];
        backend.Read(decoder.Embedding.Base, values);
        Assert.All(values, value => Assert.Equal(0, value));
    }

    private static string Config(string type, int layers, double? deviation) => FormattableString.Invariant($$"""
        {"model_type": "{{type}}", "vocab_size": 300, "hidden_size": 32, "intermediate_size": 96, "num_hidden_layers": {{layers}}, "num_attention_heads": 4,
         "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": true,
         "hidden_act": "{{(type == "gemma" ? "gelu_pytorch_tanh" : "silu")}}"{{(deviation is null ? "" : FormattableString.Invariant($", \"initializer_range\": {deviation}"))}}}
        """);

    private Dictionary<string, float[]> Weights(string config, ulong seed, int threads = 1)
    {
        _folder.Write("config.json", config);
        using ModelFiles files = ModelFiles.Open(_folder.Path);
        using var backend = CpuBackend.Create(threads);
        using Decoder decoder = Decoder.Load(files, backend, initial: new InitialWeights(seed));
        return decoder.Weights.ToDictionary(weight => weight.Name, weight =>
        {
            float[] values = new float[weight.Shape.Count];
            backend.Read(weight.Base, values);
            return values;
        });
    }
}
