using System.Text.Json;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Models;

/// <summary>Small trained models with tokenizers: HF folders and the GGUF files that llama.cpp's converter and quantiser made of them.</summary>
public class GgufModelGoldenTests
{
    private const string Root = "goldens/formats/gguf_models";

    [SharedTheory(Root)]
    [InlineData("tiny-llama-chat")]
    [InlineData("tiny-llama3-k")]
    [InlineData("tiny-llama2-spm")]
    [InlineData("tiny-mistral")]
    [InlineData("tiny-qwen2")]
    [InlineData("tiny-qwen3")]
    [InlineData("tiny-gemma2")]
    [InlineData("tiny-gemma3")]
    [InlineData("tiny-phithree")]
    public void Logits_of_a_folder_equal_the_reference(string name)
    {
        string folder = Path.Combine(Paths.Shared, Root, name);
        Check(Path.Combine(folder, name), folder, "hf_torch_f32.prompt_logits", 1e-4f, "hf_torch_f32_mean_nll");
    }

    /// <summary>llama.cpp rounds activations of quantised and 16-bit files; of those it ran the same weights expanded to F32, too.</summary>
    [SharedTheory(Root)]
    [InlineData("tiny-llama-chat", "convert.F32", false)]
    [InlineData("tiny-llama-chat", "convert.Q8_0", true)]
    [InlineData("tiny-llama-chat", "quantize.Q4_0", true)]
    [InlineData("tiny-llama3-k", "quantize.Q4_K_M", true)]
    [InlineData("tiny-qwen2", "convert.Q8_0", true)]
    public void Logits_of_a_GGUF_file_equal_those_of_llama_cpp(string name, string file, bool expanded)
    {
        string folder = Path.Combine(Paths.Shared, Root, name);
        Check(Path.Combine(folder, $"{file}.gguf"), folder, $"{file}{(expanded ? ".dequantised_f32" : "")}.last_logits", 1e-3f, file, expanded);
    }

    /// <summary>The base is BF16, so that the file holds its weights exactly.</summary>
    [SharedFact(Root)]
    public void Logits_of_a_BF16_file_of_Gemma_3_equal_those_of_its_folder()
    {
        string folder = Path.Combine(Paths.Shared, Root, "tiny-gemma3");
        Check(Path.Combine(folder, "convert.BF16.gguf"), folder, "hf_torch_f32.prompt_logits", 1e-4f, "hf_torch_f32_mean_nll");
    }

    internal static void Check(string path, string folder, string logitsName, float tolerance, string nllName, bool expanded = false)
    {
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "expected.json")));
        using SafetensorsFile tensors = SafetensorsFile.Open(Path.Combine(folder, "expected.safetensors"));
        using Backend backend = CpuBackend.Create(threads: 2);
        using ModelFiles files = ModelFiles.Open(path);
        using Decoder decoder = Decoder.Load(files, backend);

        float[] logits = ModelGolden.Logits(decoder, ModelGolden.Whole(SmolLm2Golden.Ints(expected.RootElement.GetProperty("prompt_ids"))));
        StoredTensor stored = tensors.Tensors.Find(logitsName)!;
        float[] reference = new float[stored.Shape.Count];
        using Tensor loaded = backend.Load(stored);
        backend.Read(loaded, reference);
        ModelGolden.Near(reference, logits.AsSpan(logits.Length - reference.Length), tolerance, logitsName);

        JsonElement nll = expected.RootElement.TryGetProperty(nllName, out JsonElement ofFolder) ? ofFolder
            : expanded ? expected.RootElement.GetProperty("files").GetProperty(nllName).GetProperty("dequantised_f32").GetProperty("mean_nll")
            : expected.RootElement.GetProperty("files").GetProperty(nllName).GetProperty("mean_nll");
        BatchLoss loss = decoder.Evaluate(ModelGolden.Whole(SmolLm2Golden.Ints(expected.RootElement.GetProperty("perplexity_ids"))));
        Assert.Equal(nll.GetDouble(), loss.LossSum / loss.SupervisedTokens, 1e-3);
    }
}
