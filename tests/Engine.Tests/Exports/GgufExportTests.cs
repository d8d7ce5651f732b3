using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Exports;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Exports;

public class GgufExportTests
{
    /// <summary>Keys that the converter makes up from the name of the folder, or that it leaves out where they are false, or Gemma 2's base, which is llama.cpp's own.</summary>
    private static readonly string[] Informative =
        ["gemma2.rope.freq_base", "general.name", "general.finetune", "general.basename", "tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_eos_token", "tokenizer.ggml.add_sep_token"];

    [SharedTheory("goldens/formats/gguf_models")]
    [InlineData("tiny-llama-chat", "convert.F32", ElementType.F32)]
    [InlineData("tiny-llama-chat", "convert.F16", ElementType.F16)]
    [InlineData("tiny-llama-chat", "convert.BF16", ElementType.BF16)]
    [InlineData("tiny-llama-chat", "convert.Q8_0", ElementType.Q8_0)]
    [InlineData("tiny-llama3-k", "convert.BF16", ElementType.BF16)]
    [InlineData("tiny-llama3-k", "convert.Q8_0", ElementType.Q8_0)]
    [InlineData("tiny-qwen2", "convert.BF16", ElementType.BF16)]
    [InlineData("tiny-qwen2", "convert.Q8_0", ElementType.Q8_0)]
    [InlineData("tiny-llama2-spm", "convert.F16", ElementType.F16)]
    [InlineData("tiny-llama2-spm", "convert.Q8_0", ElementType.Q8_0)]
    [InlineData("tiny-mistral", "convert.F32", ElementType.F32)]
    [InlineData("tiny-mistral", "convert.BF16", ElementType.BF16)]
    [InlineData("tiny-qwen3", "convert.BF16", ElementType.BF16)]
    [InlineData("tiny-qwen3", "convert.F32", ElementType.F32)]
    [InlineData("tiny-qwen3", "convert.Q8_0", ElementType.Q8_0)]
    [InlineData("tiny-gemma2", "convert.BF16", ElementType.BF16)]
    [InlineData("tiny-gemma2", "convert.F32", ElementType.F32)]
    [InlineData("tiny-gemma2", "convert.Q8_0", ElementType.Q8_0)]
    [InlineData("tiny-gemma3", "convert.BF16", ElementType.BF16)]
    [InlineData("tiny-gemma3", "convert.F32", ElementType.F32)]
    [InlineData("tiny-gemma3", "convert.Q8_0", ElementType.Q8_0)]
    [InlineData("tiny-phithree", "convert.BF16", ElementType.BF16)]
    [InlineData("tiny-phithree", "convert.F32", ElementType.F32)]
    [InlineData("tiny-phithree", "convert.Q8_0", ElementType.Q8_0)]
    public void A_folder_becomes_the_file_that_the_converter_of_llama_cpp_makes(string name, string key, ElementType type)
    {
        string golden = Path.Combine(Paths.Shared, "goldens", "formats", "gguf_models", name);
        JsonElement expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(golden, "expected.json"))).RootElement.GetProperty("files").GetProperty(key);
        using ModelFiles files = ModelFiles.Open(Path.Combine(golden, name));
        using CpuBackend backend = CpuBackend.Create();
        using Decoder decoder = Decoder.Load(files, backend);
        CompareTensors(expected, GgufExport.Tensors(files, decoder, null, type));

        GgufMetadata metadata = GgufExport.Metadata(files, decoder, new GgufExportSettings(type));
        IEnumerable<string> keys = expected.GetProperty("kv").EnumerateArray().Select(entry => entry.GetProperty("key").GetString()!);
        Assert.Empty(metadata.Select(entry => entry.Key).Where(metadataKey => !Informative.Contains(metadataKey)).Except(keys));
        foreach (JsonElement entry in expected.GetProperty("kv").EnumerateArray())
        {
            string metadataKey = entry.GetProperty("key").GetString()!;
            bool givenToConverter = name == "tiny-mistral" && metadataKey == "tokenizer.ggml.pre";
            if (!Informative.Contains(metadataKey) && !givenToConverter)
            {
                Assert.Equal((metadataKey, Text(entry)), (metadataKey, Text(metadata.Find(metadataKey), entry)));
            }
        }
    }

    [SharedTheory("models/SmolLM2-135M-Instruct.Q4_1.gguf")]
    [InlineData("f32", ElementType.F32)]
    [InlineData("F16", ElementType.F16)]
    [InlineData("BF16", ElementType.BF16)]
    [InlineData("Q8_0", ElementType.Q8_0)]
    public void SmolLM2_has_the_recorded_tensors_in_every_storage(string key, ElementType type)
    {
        string golden = Path.Combine(Paths.Shared, "goldens", "formats", "gguf_smollm2", "quantize.json");
        JsonElement expected = JsonDocument.Parse(File.ReadAllBytes(golden)).RootElement.GetProperty("files").GetProperty(key);
        using ModelFiles files = ModelFiles.Open(Paths.SmolLm2);
        using CpuBackend backend = CpuBackend.Create();
        using Decoder decoder = Decoder.Load(files, backend);
        CompareTensors(expected, GgufExport.Tensors(files, decoder, null, type), inOrder: key == "f32");
        GgufMetadata metadata = GgufExport.Metadata(files, decoder, new GgufExportSettings(type, "A new name"));
        Assert.Equal("A new name", metadata.GetString("general.name"));
        foreach (JsonElement entry in expected.GetProperty("kv").EnumerateArray())
        {
            string metadataKey = entry.GetProperty("key").GetString()!;
            if (metadataKey is not ("general.name" or "llama.attention.key_length" or "llama.attention.value_length"))
            {
                Assert.Equal((metadataKey, Text(entry)), (metadataKey, Text(metadata.Find(metadataKey), entry)));
            }
        }
    }

    [Theory]
    [InlineData(152_896, "153K")]
    [InlineData(1_577_000, "1.6M")]
    [InlineData(134_515_008, "135M")]
    [InlineData(8_030_000_000, "8.0B")]
    public void The_size_is_named_with_two_digits(long parameters, string label) => Assert.Equal(label, GgufModelMetadata.SizeLabel(parameters));

    private static void CompareTensors(JsonElement expected, IReadOnlyList<TensorSource> tensors, bool inOrder = true)
    {
        JsonElement[] all = [.. expected.GetProperty("tensors").EnumerateArray()];
        Assert.Equal(all.Select(Name).Order(), tensors.Select(tensor => tensor.Name).Order());
        if (inOrder)
        {
            Assert.Equal(all.Select(Name), tensors.Select(tensor => tensor.Name));
        }

        using var stream = new HashingStream();
        foreach (TensorSource tensor in tensors)
        {
            JsonElement golden = all.Single(entry => Name(entry) == tensor.Name);
            Assert.Equal((tensor.Name, golden.GetProperty("type").GetString()), (tensor.Name, tensor.Type.ToString()));
            Assert.Equal(golden.GetProperty("dims").EnumerateArray().Select(extent => extent.GetInt64()).Reverse(), tensor.Shape.Extents.ToArray());
            tensor.Write(stream);
            Assert.Equal((tensor.Name, golden.GetProperty("sha256").GetString()), (tensor.Name, stream.Hash()));
        }

        static string Name(JsonElement entry) => entry.GetProperty("name").GetString()!;
    }

    /// <summary>A recorded value; of a long array the hash of its JSON.</summary>
    private static string Text(JsonElement entry) =>
        entry.TryGetProperty("sha256_json", out JsonElement hash) ? hash.GetString()! : JsonSerializer.Serialize(entry.GetProperty("value"));

    private static string Text(GgufEntry? entry, JsonElement expected)
    {
        if (entry is null)
        {
            return "absent";
        }

        JsonNode node = entry.Value switch
        {
            float number => JsonValue.Create((double)number),
            float[] numbers => new JsonArray([.. numbers.Select(number => JsonValue.Create((double)number))]),
            _ => JsonSerializer.SerializeToNode(entry.Value)!,
        };
        return expected.TryGetProperty("sha256_json", out _)
            ? Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(PythonJson.Write(node, indent: 0, ascii: false))))
            : JsonSerializer.Serialize(JsonDocument.Parse(PythonJson.Write(node, indent: 0)).RootElement);
    }
}
