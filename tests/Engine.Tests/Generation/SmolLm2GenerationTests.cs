using System.Text.Json;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Evaluation;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Generation;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Generation;

/// <summary>The real model against what the reference library said.</summary>
public sealed class SmolLm2GenerationTests
{
    private const string Model = "models/SmolLM2-135M-Instruct.Q4_1.gguf";

    /// <summary>The reference's own drift between two attention implementations is 6e-5 in a logit.</summary>
    private const double NllTolerance = 5e-4;

    private static readonly JsonElement Goldens = Directory.Exists(Path.Combine(Paths.Shared, "goldens"))
        ? JsonDocument.Parse(File.ReadAllText(Path.Combine(Paths.Shared, "goldens", "models", "smollm2", "inference.json"))).RootElement
        : default;

    [SharedFact(Model)]
    public void Greedy_answers_and_token_likelihoods_are_the_references()
    {
        using var backend = CpuBackend.Create();
        using ModelFiles files = ModelFiles.Open(Paths.SmolLm2);
        using Decoder decoder = Decoder.Load(files, backend);
        Tokenizer tokenizer = TokenizerFiles.FromGguf(((GgufModelFiles)files).Metadata);
        using var source = new DecoderLogits(decoder);
        var generator = new Generator(source, tokenizer);
        foreach (JsonProperty prompt in Goldens.GetProperty("prompts").EnumerateObject())
        {
            int[] ids = Ids(prompt.Value.GetProperty("ids"));
            Assert.Equal(ids, tokenizer.EncodeIds(prompt.Value.GetProperty("text").GetString()!));
            double[] nll = [.. prompt.Value.GetProperty("nll").EnumerateArray().Select(value => value.GetDouble())];
            Assert.Equal(0, SequenceScore.Measure(decoder, ids).Nll.Zip(nll).Max(pair => Math.Abs(pair.First - pair.Second)), NllTolerance);

            // Enough for each answer to pass its first end token where it has one; the smallest margin of all is 0.004.
            int count = prompt.Name == "chat_multi" ? 48 : 16;
            var options = new GenerationOptions(SamplingSettings.Greedy with { MaxNewTokens = count }) { SkipSpecialTokens = false };
            GenerationResult answer = generator.Generate(ids, options);
            Assert.Equal(Ids(prompt.Value.GetProperty("greedy"))[..count], answer.Ids);
            Assert.Equal(tokenizer.Decode([.. answer.Ids], skipSpecialTokens: false), answer.Text);
        }
    }

    private static int[] Ids(JsonElement list) => [.. list.EnumerateArray().Select(id => id.GetInt32())];
}
