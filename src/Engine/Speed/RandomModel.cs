using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Speed;

/// <summary>
/// A model of a known shape with random BF16 weights, always the same: for measuring sizes of which no model is at hand. It has no tokenizer and no sense.
/// </summary>
public sealed record RandomModel(
    string Name, string Title, int HiddenSize, int IntermediateSize, int Layers, int Heads, int KeyValueHeads, int HeadDim, int VocabSize, double RopeTheta)
{
    /// <summary>Elements whose numbers are drawn; a tensor repeats them from a place of its own on.</summary>
    private const int DrawnElements = 1 << 20;

    public static IReadOnlyList<RandomModel> All { get; } =
    [
        new("135m", "SmolLM2-135M", 576, 1536, 30, 9, 3, 64, 49152, 100_000),
        new("360m", "SmolLM2-360M", 960, 2560, 32, 15, 5, 64, 49152, 100_000),
        new("1b", "Llama-3.2-1B", 2048, 8192, 16, 32, 8, 64, 128_256, 500_000),
    ];

    /// <summary>The shape of that name; null where there is none.</summary>
    public static RandomModel? Find(string name) => All.FirstOrDefault(shape => shape.Name == name);

    /// <summary>Writes config.json and the weights into a folder. Raises <see cref="Codes.NotEnoughDisk"/> or <see cref="Codes.FileUnwritable"/>.</summary>
    public void Write(string folder)
    {
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray("LlamaForCausalLM"),
            ["model_type"] = "llama",
            ["hidden_size"] = HiddenSize,
            ["intermediate_size"] = IntermediateSize,
            ["num_hidden_layers"] = Layers,
            ["num_attention_heads"] = Heads,
            ["num_key_value_heads"] = KeyValueHeads,
            ["head_dim"] = HeadDim,
            ["vocab_size"] = VocabSize,
            ["max_position_embeddings"] = 131_072,
            ["rms_norm_eps"] = 1e-5,
            ["rope_theta"] = RopeTheta,
            ["tie_word_embeddings"] = true,
        };
        Directory.CreateDirectory(folder);
        AtomicFile.WriteText(Path.Combine(folder, "config.json"), config.ToJsonString());
        byte[] numbers = Draw();
        SafetensorsWriter.WriteModel(folder, [.. Tensors().Select((tensor, index) => Source(tensor.Name, tensor.Shape, numbers, index))]);
    }

    /// <summary>Normal numbers with the deviation that such models begin with, twice, so that a run may begin anywhere in the first half.</summary>
    private static byte[] Draw()
    {
        const float Deviation = 0.02f;
        var random = new CounterRandom(1, RandomPurpose.Initialisation);
        float[] values = [.. Enumerable.Range(0, DrawnElements).Select(i => Deviation * random.Normal((ulong)i))];
        byte[] once = new byte[ElementType.BF16.Bytes(DrawnElements)];
        WeightEncoder.Encode(ElementType.BF16, values, once);
        return [.. once, .. once];
    }

    private static TensorSource Source(string name, Shape shape, byte[] numbers, int index) => new(name, ElementType.BF16, shape, stream =>
    {
        if (shape.Rank == 1)
        {
            byte[] ones = new byte[ElementType.BF16.Bytes(shape.Count)];
            WeightEncoder.Encode(ElementType.BF16, [.. Enumerable.Repeat(1f, (int)shape.Count)], ones);
            stream.Write(ones);
            return;
        }

        int half = numbers.Length / 2, start = (int)((uint)index * 2_654_435_761u % (uint)DrawnElements) * 2;
        for (long left = ElementType.BF16.Bytes(shape.Count); left > 0; left -= half)
        {
            stream.Write(numbers, start, (int)Math.Min(half, left));
        }
    });

    private IEnumerable<(string Name, Shape Shape)> Tensors()
    {
        yield return ("model.embed_tokens.weight", new Shape(VocabSize, HiddenSize));
        for (int layer = 0; layer < Layers; layer++)
        {
            string path = FormattableString.Invariant($"model.layers.{layer}");
            yield return ($"{path}.input_layernorm.weight", new Shape(HiddenSize));
            yield return ($"{path}.self_attn.q_proj.weight", new Shape(Heads * HeadDim, HiddenSize));
            yield return ($"{path}.self_attn.k_proj.weight", new Shape(KeyValueHeads * HeadDim, HiddenSize));
            yield return ($"{path}.self_attn.v_proj.weight", new Shape(KeyValueHeads * HeadDim, HiddenSize));
            yield return ($"{path}.self_attn.o_proj.weight", new Shape(HiddenSize, Heads * HeadDim));
            yield return ($"{path}.post_attention_layernorm.weight", new Shape(HiddenSize));
            yield return ($"{path}.mlp.gate_proj.weight", new Shape(IntermediateSize, HiddenSize));
            yield return ($"{path}.mlp.up_proj.weight", new Shape(IntermediateSize, HiddenSize));
            yield return ($"{path}.mlp.down_proj.weight", new Shape(HiddenSize, IntermediateSize));
        }

        yield return ("model.norm.weight", new Shape(HiddenSize));
    }
}
