using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Benchmarks;

/// <summary>
/// Forward and backward of a packed batch (4 documents of 256 tokens, half of them supervised) with LoRA of rank 16 on every linear layer, dropout 0.05;
/// then generating with a cache. The model is FINETUNE_MODEL (a GGUF file or a folder).
/// </summary>
internal static class Steps
{
    private const int Documents = 4, Length = 512, Generated = 64;

    public static void Run(int threads, string? kernels)
    {
        if (Environment.GetEnvironmentVariable("FINETUNE_MODEL") is not { } path)
        {
            Console.WriteLine("step: set FINETUNE_MODEL to a model to measure whole steps.");
            return;
        }

        using ModelFiles files = ModelFiles.Open(path);
        using var backend = new TimedBackend(CpuBackend.Create(threads, kernels, Environment.GetEnvironmentVariable("FINETUNE_COMPUTE") == "bf16" ? ElementType.BF16 : ElementType.F32));
        using Decoder decoder = Decoder.Load(files, backend);
        using LoraAdapter adapter = LoraAdapter.Create(decoder, new LoraSettings { Rank = 16, Alpha = 32, Dropout = 0 }, seed: 1);
        decoder.ActiveAdapter = adapter;
        var random = new CounterRandom(1, RandomPurpose.Sampling);
        var examples = new List<TokenizedExample>();
        for (int document = 0; document < Documents; document++)
        {
            int[] ids = [.. Enumerable.Range(0, Length).Select(i => (int)(random.UInt32((ulong)(document * Length + i)) % 40_000))];
            examples.Add(new TokenizedExample(ids, [.. ids.Select((id, i) => i < 0 ? TokenizedExample.Ignored : id)]));
        }

        PackedBatch batch = PackedBatch.FromExamples(examples);
        for (int round = 0; round < 3; round++)
        {
            backend.Reset();
            double seconds = Measure.BestSeconds(() => decoder.ForwardBackward(batch, 1, 1), 0);
            Console.WriteLine($"{backend.Name}, {threads} threads, forward and backward of {batch.Tokens} tokens: {seconds:F2} s, {batch.Tokens / seconds:F0} tokens/s");
            Report(backend, seconds);
        }

        decoder.ActiveAdapter = null;
        using KvCache cache = decoder.CreateCache(Length + Generated);
        float[] logits = new float[decoder.Spec.VocabSize];
        double prompt = Measure.BestSeconds(() => decoder.Append(cache, examples[0].Ids, logits), 0);
        backend.Reset();
        double answer = Measure.BestSeconds(() =>
        {
            for (int i = 0; i < Generated; i++)
            {
                decoder.Append(cache, [i], logits);
            }
        }, 0);
        Console.WriteLine($"{backend.Name}, {threads} threads, prompt {Length / prompt:F0} tokens/s, generating {Generated / answer:F1} tokens/s");
        Report(backend, answer);
    }

    private static void Report(TimedBackend backend, double wholeSeconds)
    {
        foreach ((string operation, int calls, double seconds) in backend.Times)
        {
            Console.WriteLine($"  {operation,-24} {calls,5} calls {1e3 * seconds,9:F1} ms {100 * seconds / wholeSeconds,5:F1} %");
        }
    }
}
