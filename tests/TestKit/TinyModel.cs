using System.IO.Compression;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.TestKit;

/// <summary>
/// A model folder made on the spot: a llama of two narrow layers with random weights and the tokenizer of SmolLM2 (chat markers included),
/// for tests of whole commands where no real model is at hand.
/// </summary>
public static class TinyModel
{
    public const int VocabSize = 49152;
    private const int Hidden = 32, Intermediate = 48, Layers = 2, Heads = 4, KeyValueHeads = 2;

    /// <summary>ChatML, as SmolLM2 has it.</summary>
    public const string ChatTemplate =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    /// <summary>Writes the folder and returns its path.</summary>
    public static string Write(string folder, ulong seed = 7)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), $$"""
            {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": {{VocabSize}}, "hidden_size": {{Hidden}},
             "intermediate_size": {{Intermediate}}, "num_hidden_layers": {{Layers}}, "num_attention_heads": {{Heads}}, "num_key_value_heads": {{KeyValueHeads}},
             "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": true,
             "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32"}
            """);
        string tokenizer = Path.Combine(Paths.Goldens, "text", "tokenizers", "smollm2");
        using (var packed = new GZipStream(File.OpenRead(Path.Combine(tokenizer, "tokenizer.json.gz")), CompressionMode.Decompress))
        using (FileStream target = File.Create(Path.Combine(folder, "tokenizer.json")))
        {
            packed.CopyTo(target);
        }

        File.Copy(Path.Combine(tokenizer, "tokenizer_config.json"), Path.Combine(folder, "tokenizer_config.json"), overwrite: true);
        File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), ChatTemplate);
        SafetensorsWriter.WriteModel(folder, [.. Shapes().Select((tensor, index) => TensorSource.Of(Random(tensor.Name, tensor.Shape, tensor.Scale, seed, (ulong)index)))]);
        return folder;
    }

    /// <summary>Writes an adapter for the model that changes its answers, and returns its folder.</summary>
    public static string WriteAdapter(string folder, string model, ulong seed = 11)
    {
        using var backend = CpuBackend.Create(1);
        using ModelFiles files = ModelFiles.Open(model);
        using Decoder decoder = Decoder.Load(files, backend);
        using LoraAdapter adapter = LoraAdapter.Create(decoder, new LoraSettings { Rank = 4, Alpha = 8 }, seed);
        PeftAdapter.Write(folder, adapter.ToConfig("tiny"), adapter.ToTensors().Select((tensor, index) => Random(tensor.Name, tensor.Shape, 0.4f, seed, (ulong)index)));
        return folder;
    }

    private static IEnumerable<(string Name, Shape Shape, float Scale)> Shapes()
    {
        int head = Hidden / Heads;
        yield return ("model.embed_tokens.weight", new Shape(VocabSize, Hidden), 0.3f);
        for (int layer = 0; layer < Layers; layer++)
        {
            string path = $"model.layers.{layer}.";
            yield return (path + "input_layernorm.weight", new Shape(Hidden), 0);
            yield return (path + "self_attn.q_proj.weight", new Shape(Heads * head, Hidden), 0.3f);
            yield return (path + "self_attn.k_proj.weight", new Shape(KeyValueHeads * head, Hidden), 0.3f);
            yield return (path + "self_attn.v_proj.weight", new Shape(KeyValueHeads * head, Hidden), 0.3f);
            yield return (path + "self_attn.o_proj.weight", new Shape(Hidden, Heads * head), 0.3f);
            yield return (path + "post_attention_layernorm.weight", new Shape(Hidden), 0);
            yield return (path + "mlp.gate_proj.weight", new Shape(Intermediate, Hidden), 0.3f);
            yield return (path + "mlp.up_proj.weight", new Shape(Intermediate, Hidden), 0.3f);
            yield return (path + "mlp.down_proj.weight", new Shape(Hidden, Intermediate), 0.3f);
        }

        yield return ("model.norm.weight", new Shape(Hidden), 0);
    }

    /// <summary>Normal numbers; the weights of norms (scale 0) are ones.</summary>
    private static StoredTensor Random(string name, Shape shape, float scale, ulong seed, ulong stream)
    {
        var random = new CounterRandom(seed, RandomPurpose.Initialisation, stream);
        float[] values = new float[shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = scale == 0 ? 1 : scale * random.Normal((ulong)i);
        }

        return StoredTensor.FromFloats(name, shape, values);
    }
}
