using System.Text.Json.Nodes;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Models;

/// <summary>
/// A random model folder at odd sizes: hidden 20, three query heads on one key head, head dim 6 (18 ≠ 20), feed-forward 22, vocabulary 37, two layers.
/// A test may change the configuration or leave tensors out before it loads.
/// </summary>
internal sealed class TinyModel : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<IDisposable> _opened = [];

    /// <param name="family">A family of <see cref="TinyFamilies"/> instead of a plain llama.</param>
    /// <param name="change">What else is different in its configuration; the tensors follow it.</param>
    public TinyModel(bool biased = true, bool tied = false, string? family = null, Action<JsonObject>? change = null)
    {
        Config = new JsonObject
        {
            ["architectures"] = new JsonArray("LlamaForCausalLM"),
            ["model_type"] = "llama",
            ["vocab_size"] = 37,
            ["hidden_size"] = 20,
            ["intermediate_size"] = 22,
            ["num_hidden_layers"] = 2,
            ["num_attention_heads"] = 3,
            ["num_key_value_heads"] = 1,
            ["head_dim"] = 6,
            ["max_position_embeddings"] = 64,
            ["rms_norm_eps"] = 1e-5,
            ["hidden_act"] = "silu",
            ["attention_bias"] = biased,
            ["mlp_bias"] = biased,
            ["tie_word_embeddings"] = tied,
            ["rope_theta"] = 10000.0,
        };
        if (family is not null)
        {
            TinyFamilies.Change(Config, family);
        }

        change?.Invoke(Config);
        AddTensors(TinyFamilies.Read(Config));
    }

    public JsonObject Config { get; }

    /// <summary>Tensors of the file by name.</summary>
    public Dictionary<string, StoredTensor> Tensors { get; } = [];

    public string Folder => _folder.Path;

    /// <summary>Writes the folder and loads it.</summary>
    public Decoder Load(int threads = 2, ElementType activationType = ElementType.F32)
    {
        Write();
        return LoadFrom(Folder, threads, activationType);
    }

    public Decoder LoadFrom(string path, int threads = 2, ElementType activationType = ElementType.F32)
    {
        Backend backend = CpuBackend.Create(threads, activationType: activationType);
        _opened.Add(backend);
        var files = ModelFiles.Open(path);
        _opened.Add(files);
        Decoder decoder = Decoder.Load(files, backend);
        _opened.Add(decoder);
        return decoder;
    }

    public void Write()
    {
        _folder.Write("config.json", Config.ToJsonString());
        SafetensorsWriter.Write(_folder.File("model.safetensors"), Tensors.Values.Select(tensor => TensorSource.Of(tensor)), SafetensorsWriter.PyTorch);
    }

    /// <summary>The same tensors as a GGUF file of the llama architecture, rows interleaved; one metadata value may be replaced.</summary>
    public string WriteGguf(string? key = null, object? value = null)
    {
        var values = new Dictionary<string, object>
        {
            ["general.architecture"] = "llama",
            ["llama.block_count"] = 2u,
            ["llama.context_length"] = 64u,
            ["llama.embedding_length"] = 20u,
            ["llama.feed_forward_length"] = 22u,
            ["llama.attention.head_count"] = 3u,
            ["llama.attention.head_count_kv"] = 1u,
            ["llama.attention.key_length"] = 6u,
            ["llama.attention.value_length"] = 6u,
            ["llama.rope.dimension_count"] = 6u,
            ["llama.rope.freq_base"] = 10000f,
            ["llama.attention.layer_norm_rms_epsilon"] = 1e-5f,
        };
        if (key is not null)
        {
            values[key] = value!;
        }

        var metadata = new GgufMetadata();
        foreach ((string name, object item) in values)
        {
            metadata.Add(name, item);
        }

        var names = new GgufTensorNames(TinyFamilies.Read(Config));
        GgufWriter.Write(_folder.File("model.gguf"), metadata, [.. Tensors.Values.Select(tensor =>
        {
            StoredTensor stored = tensor.Name.Contains("q_proj") ? RotaryRows.ToNeighbours(tensor, 3)
                : tensor.Name.Contains("k_proj") ? RotaryRows.ToNeighbours(tensor, 1) : tensor;
            return TensorSource.Of(stored, names.ToGguf(tensor.Name));
        })]);
        return _folder.File("model.gguf");
    }

    /// <summary>Documents of 11, 1 and 17 random tokens; some positions of the first and third are not learnt.</summary>
    public static PackedBatch Batch(ulong seed = 5)
    {
        var random = new CounterRandom(seed, RandomPurpose.Shuffle);
        var examples = new List<TokenizedExample>();
        ulong index = 0;
        foreach (int length in new[] { 11, 1, 17 })
        {
            int[] ids = [.. Enumerable.Range(0, length).Select(_ => (int)(random.UInt32(index++) % 37))];
            examples.Add(new TokenizedExample(ids, [.. ids.Select((id, i) => i % 4 == 2 ? TokenizedExample.Ignored : id)]));
        }

        return PackedBatch.FromExamples(examples);
    }

    public void Dispose()
    {
        foreach (IDisposable opened in Enumerable.Reverse(_opened))
        {
            opened.Dispose();
        }

        _folder.Dispose();
    }

    private void AddTensors(DecoderSpec spec)
    {
        Add("model.embed_tokens.weight", 37, 20);
        for (int layer = 0; layer < 2; layer++)
        {
            string path = $"model.layers.{layer}";
            if (spec.FusedProjections)
            {
                AddLinear($"{path}.self_attn.o_proj", 20, 18, spec.OutputBias);
                AddLinear($"{path}.self_attn.qkv_proj", 30, 20, spec.QueryKeyValueBias);
                AddLinear($"{path}.mlp.gate_up_proj", 44, 20, spec.MlpBias);
            }
            else
            {
                AddLinear($"{path}.self_attn.q_proj", 18, 20, spec.QueryKeyValueBias);
                AddLinear($"{path}.self_attn.k_proj", 6, 20, spec.QueryKeyValueBias);
                AddLinear($"{path}.self_attn.v_proj", 6, 20, spec.QueryKeyValueBias);
                AddLinear($"{path}.self_attn.o_proj", 20, 18, spec.OutputBias);
                AddLinear($"{path}.mlp.gate_proj", 22, 20, spec.MlpBias);
                AddLinear($"{path}.mlp.up_proj", 22, 20, spec.MlpBias);
            }

            AddLinear($"{path}.mlp.down_proj", 20, 22, spec.MlpBias);
            Add($"{path}.input_layernorm.weight", 20);
            Add($"{path}.post_attention_layernorm.weight", 20);
            if (spec.QueryKeyNorm)
            {
                Add($"{path}.self_attn.q_norm.weight", 6);
                Add($"{path}.self_attn.k_norm.weight", 6);
            }

            if (spec.PostNorms)
            {
                Add($"{path}.pre_feedforward_layernorm.weight", 20);
                Add($"{path}.post_feedforward_layernorm.weight", 20);
            }
        }

        Add("model.norm.weight", 20);
        if (!spec.TieWordEmbeddings)
        {
            Add("lm_head.weight", 37, 20);
        }

        void AddLinear(string path, long outputs, long inputs, bool biased)
        {
            Add($"{path}.weight", outputs, inputs);
            if (biased)
            {
                Add($"{path}.bias", outputs);
            }
        }

        void Add(string name, params long[] extents)
        {
            var shape = new Shape(extents);
            var random = new CounterRandom(7, RandomPurpose.Initialisation, (ulong)Tensors.Count);
            float middle = name.Contains("norm") ? 1 - spec.RmsNormOffset : 0;
            Tensors[name] = StoredTensor.FromFloats(
                name, shape, [.. Enumerable.Range(0, (int)shape.Count).Select(i => middle + 0.3f * random.Normal((ulong)i))]);
        }
    }
}
