using System.Runtime.InteropServices;
using System.Text.Json;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Exports;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Exports;

public class MergedFolderExportTests
{
    private static readonly string Models = Path.Combine(Paths.Shared, "goldens", "models");

    [SharedTheory("goldens/models/peft")]
    [InlineData("llama-default-qv", ElementType.F32, "merged_fp32")]
    [InlineData("llama-all-linear", ElementType.F32, "merged_fp32")]
    [InlineData("qwen2-default-qv", ElementType.F32, "merged_fp32")]
    public void A_merged_folder_holds_the_weights_that_PEFT_merges(string name, ElementType type, string key)
    {
        using var folder = new TemporaryFolder();
        string golden = Path.Combine(Models, "peft", name);
        string baseName = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(golden, "expected.json"))).RootElement.GetProperty("base").GetString()!;
        using ModelFiles files = ModelFiles.Open(Path.Combine(Models, "tiny", Path.GetFileName(baseName)));
        Export(folder["merged"], files, Path.Combine(golden, "adapter"), new MergedFolderSettings(type));
        using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(golden, "expected.safetensors"));
        using ModelFiles merged = ModelFiles.Open(folder["merged"]);
        StoredTensor[] tensors = [.. expected.Tensors.Where(tensor => tensor.Name.StartsWith(key + ".", StringComparison.Ordinal))];
        Assert.NotEmpty(tensors);
        foreach (StoredTensor tensor in tensors)
        {
            float[] ours = WeightDecoder.Decode(merged.Find(tensor.Name[(key.Length + 1)..])!);
            float[] theirs = WeightDecoder.Decode(tensor);
            Assert.All(ours.Zip(theirs), pair => Assert.InRange(pair.First, pair.Second - 1e-6f, pair.Second + 1e-6f));
        }

        Assert.Equal(files.Tensors.Count, merged.Tensors.Count);
        Assert.Equal("float32", (string?)((HuggingFaceModelFiles)merged).Config["torch_dtype"]);
    }

    [SharedTheory("goldens/models/peft")]
    [InlineData("llama-default-qv")]
    [InlineData("qwen2-default-qv")]
    public void The_sum_with_a_bf16_base_is_rounded_once(string name)
    {
        using var folder = new TemporaryFolder();
        string golden = Path.Combine(Models, "peft", name);
        string baseName = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(golden, "expected.json"))).RootElement.GetProperty("base").GetString()!;
        using (ModelFiles files = ModelFiles.Open(Path.Combine(Models, "tiny", Path.GetFileName(baseName))))
        {
            Export(folder["base"], files, null, new MergedFolderSettings());
        }

        using ModelFiles narrow = ModelFiles.Open(folder["base"]);
        Export(folder["merged"], narrow, Path.Combine(golden, "adapter"), new MergedFolderSettings());
        using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(golden, "expected.safetensors"));
        using ModelFiles merged = ModelFiles.Open(folder["merged"]);
        int elements = 0, different = 0;
        foreach (StoredTensor tensor in expected.Tensors.Where(tensor => tensor.Name.StartsWith("merged_bf16.", StringComparison.Ordinal)))
        {
            ReadOnlySpan<ushort> ours = MemoryMarshal.Cast<byte, ushort>(merged.Find(tensor.Name["merged_bf16.".Length..])!.Span);
            ReadOnlySpan<ushort> theirs = MemoryMarshal.Cast<byte, ushort>(tensor.Span);
            for (int i = 0; i < ours.Length; i++)
            {
                different += ours[i] == theirs[i] ? 0 : 1;
            }

            elements += ours.Length;
        }

        // Two roundings would change a fifth of the elements; another order of summation, hardly one.
        Assert.True(elements > 4000);
        Assert.InRange(different, 0, elements / 1000);
    }

    [SharedFact("goldens/formats/gguf_models")]
    public void Without_an_adapter_a_folder_is_its_base_and_keeps_tokenizer_and_configuration()
    {
        using var folder = new TemporaryFolder();
        string source = Path.Combine(Paths.Shared, "goldens", "formats", "gguf_models", "tiny-llama-chat", "tiny-llama-chat");
        using ModelFiles files = ModelFiles.Open(source);
        Export(folder["copy"], files, null, new MergedFolderSettings(ElementType.F32));
        foreach (string name in new[] { "model.safetensors", "tokenizer.json", "tokenizer_config.json", "generation_config.json" })
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(source, name)), File.ReadAllBytes(Path.Combine(folder["copy"], name)));
        }

        string expected = PythonJson.Write(((HuggingFaceModelFiles)files).Config, ascii: false) + "\n";
        Assert.Equal(expected, File.ReadAllText(Path.Combine(folder["copy"], "config.json")));
    }

    [SharedFact("goldens/formats/gguf_models")]
    public void Weights_above_the_shard_size_are_cut()
    {
        using var folder = new TemporaryFolder();
        using ModelFiles files = ModelFiles.Open(Path.Combine(Paths.Shared, "goldens", "formats", "gguf_models", "tiny-llama-chat", "tiny-llama-chat"));
        Export(folder["cut"], files, null, new MergedFolderSettings(MaxShardBytes: 100_000));
        using ModelFiles cut = ModelFiles.Open(folder["cut"]);
        Assert.True(((HuggingFaceModelFiles)cut).WeightFiles.Count > 2);
        Assert.Equal(files.Tensors.Count, cut.Tensors.Count);
        Assert.All(cut.Tensors, tensor => Assert.Equal(ElementType.BF16, tensor.Type));
    }

    [SharedFact("models/SmolLM2-135M-Instruct.Q4_1.gguf")]
    public void A_gguf_base_becomes_a_folder_that_reads_as_the_same_model_with_the_same_tokenizer()
    {
        using var folder = new TemporaryFolder();
        using ModelFiles files = ModelFiles.Open(Paths.SmolLm2);
        Export(folder["hf"], files, null, new MergedFolderSettings());
        using var read = (HuggingFaceModelFiles)ModelFiles.Open(folder["hf"]);
        DecoderSpec original = ModelFamilies.Read(files).Spec, written = ModelFamilies.Read(read).Spec;
        Assert.Equal(original, written with { SlidingWindows = original.SlidingWindows });
        Assert.Equal("bfloat16", (string?)read.Config["torch_dtype"]);
        Assert.Equal(1e-5, (double)read.Config["rms_norm_eps"]!);

        Tokenizer ours = TokenizerFiles.FromFolder(folder["hf"]), theirs = TokenizerFiles.FromGguf(((GgufModelFiles)files).Metadata);
        Assert.Equal(theirs.Special, ours.Special);
        Assert.Equal(theirs.ChatTemplate, ours.ChatTemplate);
        Assert.Equal(theirs.EndOfGenerationIds, ours.EndOfGenerationIds);
        Assert.Equal(theirs.Definition.ToArray(), ours.Definition.ToArray());

        float[] first = new float[576];
        WeightDecoder.Decode(ElementType.Q8_0, files.Find("token_embd.weight")!.Row(1000), first);
        ushort[] stored = MemoryMarshal.Cast<byte, ushort>(read.Find("model.embed_tokens.weight")!.Row(1000)).ToArray();
        Assert.Equal(first.Select(BF16Format.Round), stored);
    }

    [Fact]
    public void A_storage_that_a_folder_cannot_hold_is_refused() =>
        Assert.Throws<ArgumentException>(() => HuggingFaceConfig.DType(ElementType.Q8_0));

    [SharedFact("goldens/formats/gguf_models")]
    public void Llama3_scaling_is_found_again_from_the_divisors_of_a_gguf_file()
    {
        string golden = Path.Combine(Paths.Shared, "goldens", "formats", "gguf_models", "tiny-llama3-k");
        using var folder = new TemporaryFolder();
        using ModelFiles gguf = ModelFiles.Open(Path.Combine(golden, "quantize.Q4_K_M.gguf")), original = ModelFiles.Open(Path.Combine(golden, "tiny-llama3-k"));
        Export(folder["hf"], gguf, null, new MergedFolderSettings());
        using ModelFiles read = ModelFiles.Open(folder["hf"]);
        Assert.Equal(ModelFamilies.Read(original).Spec.Rope, ModelFamilies.Read(read).Spec.Rope);
    }

    [Fact]
    public void Divisors_of_no_known_scaling_are_not_guessed() =>
        Assert.Null(RopeDivisors.ToLlama3(new RopeParameters { Divisors = [1, 3, 2, 5] }, 8));

    private static void Export(string target, ModelFiles files, string? adapterFolder, MergedFolderSettings settings)
    {
        using CpuBackend backend = CpuBackend.Create();
        using Decoder decoder = Decoder.Load(files, backend);
        if (adapterFolder is null)
        {
            MergedFolderExport.Write(target, files, decoder, null, settings);
            return;
        }

        using PeftAdapter peft = PeftAdapter.Read(adapterFolder);
        using LoraAdapter adapter = LoraAdapter.Load(decoder, peft, trainable: false);
        MergedFolderExport.Write(target, files, decoder, adapter, settings);
    }
}
