using System.Text.Json;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Exports;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
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
        // Another build of llama.cpp may round differently: the tokens are its own up to the first step whose two best logits are nearly equal.
        const double Drift = 0.05;
        JsonElement expected = Recorded.GetProperty("files").GetProperty("f32");
        int certain = expected.GetProperty("greedy_top2_margins").EnumerateArray().TakeWhile(margin => margin.GetDouble() > Drift).Count();
        Assert.True(certain >= 8);
        using var folder = new TemporaryFolder();
        Export(folder["model.gguf"], ElementType.F32);
        Assert.Equal(
            Ids(expected.GetProperty("greedy"))[..certain], LlamaCpp.Greedy(folder["model.gguf"], Ids(Recorded.GetProperty("prompt_ids")), certain));
    }

    [LlamaCppFact]
    public void The_real_llama_cpp_gives_an_exported_Q8_0_file_the_recorded_likelihood()
    {
        // With quantised weights llama.cpp rounds activations to 8 bits, differently from build to build: likelihoods stay, tokens need not.
        double expected = Recorded.GetProperty("files").GetProperty("Q8_0").GetProperty("first_256_mean_nll").GetDouble();
        using var folder = new TemporaryFolder();
        Export(folder["model.gguf"], ElementType.Q8_0);
        Assert.InRange(LlamaCpp.MeanNll(folder["model.gguf"], Ids(Recorded.GetProperty("text_ids"))[..256]), expected * 0.98, expected * 1.02);
    }

    private static void Export(string path, ElementType type)
    {
        using ModelFiles files = ModelFiles.Open(Paths.SmolLm2);
        using CpuBackend backend = CpuBackend.Create();
        using Decoder decoder = Decoder.Load(files, backend);
        GgufExport.Write(path, files, decoder, null, new GgufExportSettings(type));
    }

    private static int[] Ids(JsonElement list) => [.. list.EnumerateArray().Select(id => id.GetInt32())];
}
