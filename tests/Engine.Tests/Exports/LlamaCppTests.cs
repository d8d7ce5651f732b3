using System.Text.Json;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Exports;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Exports;

public class LlamaCppTests
{
    private static JsonElement Recorded { get; } = File.Exists(Golden) ? JsonDocument.Parse(File.ReadAllBytes(Golden)).RootElement : default;

    private static string Golden => Path.Combine(Paths.Shared, "goldens", "formats", "gguf_smollm2", "quantize.json");

    [LlamaCppFact]
    public void The_real_llama_cpp_continues_an_exported_F32_file_as_recorded()
    {
        using var folder = new TemporaryFolder();
        Export(folder["model.gguf"], ElementType.F32, adapterFolder: null);
        Compare(folder["model.gguf"], Recorded.GetProperty("files").GetProperty("f32"), Recorded.GetProperty("prompt_ids"));
    }

    [LlamaCppFact]
    public void The_real_llama_cpp_continues_a_merged_file_as_the_base_with_its_adapter()
    {
        string golden = Path.Combine(Paths.Shared, "goldens", "formats", "gguf_lora", "smollm2-qv");
        JsonElement expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(golden, "expected.json"))).RootElement;
        using var folder = new TemporaryFolder();
        Export(folder["merged.gguf"], ElementType.F32, Path.Combine(golden, "adapter"));
        Compare(folder["merged.gguf"], expected.GetProperty("results").GetProperty("1.0"), expected.GetProperty("prompt_ids"));
    }

    [LlamaCppFact]
    public void The_real_llama_cpp_gives_an_exported_Q8_0_file_the_recorded_likelihood()
    {
        // With quantised weights llama.cpp rounds activations to 8 bits, differently from build to build: likelihoods stay, tokens need not.
        double expected = Recorded.GetProperty("files").GetProperty("Q8_0").GetProperty("first_256_mean_nll").GetDouble();
        using var folder = new TemporaryFolder();
        Export(folder["model.gguf"], ElementType.Q8_0, adapterFolder: null);
        Assert.InRange(LlamaCpp.MeanNll(folder["model.gguf"], Ids(Recorded.GetProperty("text_ids"))[..256]), expected * 0.98, expected * 1.02);
    }

    [LlamaCppFact]
    public void The_real_llama_cpp_stops_at_the_token_that_training_taught_to_end_with()
    {
        using var folder = new TemporaryFolder();
        Export(folder["plain.gguf"], ElementType.F32, adapterFolder: null);
        int[] said = LlamaCpp.Greedy(folder["plain.gguf"], Ids(Recorded.GetProperty("prompt_ids")), 12);

        // A word that comes for the first time in the middle of the answer stands for the token that ends a turn.
        int at = Enumerable.Range(4, 8).First(i => Array.IndexOf(said, said[i]) == i);
        Export(folder["ends.gguf"], ElementType.F32, adapterFolder: null, new AnswerFormat(BuiltInTemplate.Find("zephyr")!.Chat, [2, said[at]]));
        Assert.Equal(said[..at], LlamaCpp.Greedy(folder["ends.gguf"], Ids(Recorded.GetProperty("prompt_ids")), 12));
    }

    /// <summary>Another build of llama.cpp may round differently: tokens are equal up to the first step whose two best logits nearly are.</summary>
    private static void Compare(string path, JsonElement expected, JsonElement prompt)
    {
        const double Drift = 0.02;
        int certain = expected.GetProperty("greedy_top2_margins").EnumerateArray().TakeWhile(margin => margin.GetDouble() > Drift).Count();
        Assert.True(certain >= 12);
        Assert.Equal(Ids(expected.GetProperty("greedy"))[..certain], LlamaCpp.Greedy(path, Ids(prompt), certain));
    }

    private static void Export(string path, ElementType type, string? adapterFolder, AnswerFormat? format = null)
    {
        using ModelFiles files = ModelFiles.Open(Paths.SmolLm2);
        using CpuBackend backend = CpuBackend.Create();
        using Decoder decoder = Decoder.Load(files, backend);
        using PeftAdapter? peft = adapterFolder is null ? null : PeftAdapter.Read(adapterFolder);
        using LoraAdapter? adapter = peft is null ? null : LoraAdapter.Load(decoder, peft, trainable: false);
        GgufExport.Write(path, files, decoder, adapter, new GgufExportSettings(type, Format: format));
    }

    private static int[] Ids(JsonElement list) => [.. list.EnumerateArray().Select(id => id.GetInt32())];
}
