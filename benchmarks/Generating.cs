using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Generation;
using FineTuneTool.Engine.Models;

namespace FineTuneTool.Benchmarks;

/// <summary>
/// Greedy generation of one row with FINETUNE_MODEL, from a prompt of eight tokens. Where FINETUNE_LLAMA is a folder with an installed
/// <c>llama.mjs</c> that runs llama.cpp, both take turns, so that they meet the same machine.
/// </summary>
internal static class Generating
{
    private const int Generated = 128, Rounds = 4;

    private static readonly int[] Prompt = [9058, 3418, 253, 655, 665, 436, 253, 1165];

    public static void Run(int threads, string? kernels)
    {
        if (Environment.GetEnvironmentVariable("FINETUNE_MODEL") is not { } path)
        {
            Console.WriteLine("generate: set FINETUNE_MODEL to a model to measure generating.");
            return;
        }

        using ModelFiles files = ModelFiles.Open(path);
        using CpuBackend backend = CpuBackend.Create(threads, kernels);
        using Decoder decoder = Decoder.Load(files, backend);
        float[] logits = new float[decoder.Spec.VocabSize];
        string? llama = Environment.GetEnvironmentVariable("FINETUNE_LLAMA");
        double best = 0, bestOfLlama = 0;
        List<int> ids = [];
        int[] idsOfLlama = [];
        Generate(decoder, logits, ids);
        for (int round = 0; round < Rounds; round++)
        {
            double own = Generate(decoder, logits, ids);
            best = Math.Max(best, own);
            Console.Write($"{backend.Name}, {threads} threads, generating {Generated}: {own:F1} tokens/s");
            if (llama is not null)
            {
                (double speed, idsOfLlama) = RunLlama(llama, path, threads);
                bestOfLlama = Math.Max(bestOfLlama, speed);
                Console.Write($"; llama.cpp {speed:F1}");
            }

            Console.WriteLine();
        }

        Console.WriteLine($"{backend.Name}, {threads} threads, best: {best:F1} tokens/s" + (llama is null ? ""
            : $"; llama.cpp {bestOfLlama:F1}; ratio {best / bestOfLlama:F2}; the same {ids.Zip(idsOfLlama).TakeWhile(pair => pair.First == pair.Second).Count()} tokens first"));
    }

    /// <summary>Tokens a second after the first, as llama.mjs counts them.</summary>
    private static double Generate(Decoder decoder, float[] logits, List<int> ids)
    {
        using KvCache cache = decoder.CreateCache(Prompt.Length + Generated);
        ids.Clear();
        decoder.Append(cache, Prompt, logits);
        ids.Add(Sampler.ArgMax(logits));
        long start = Stopwatch.GetTimestamp();
        while (ids.Count < Generated)
        {
            decoder.Append(cache, [ids[^1]], logits);
            ids.Add(Sampler.ArgMax(logits));
        }

        return (Generated - 1) / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static (double Speed, int[] Ids) RunLlama(string folder, string model, int threads)
    {
        var start = new ProcessStartInfo("node", ["llama.mjs", "greedy", Path.GetFullPath(model), "--ids", string.Join(',', Prompt), "--n", Generated.ToString(CultureInfo.InvariantCulture)])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            Environment = { ["LLAMA_THREADS"] = threads.ToString(CultureInfo.InvariantCulture) },
        };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        JsonElement answer = JsonDocument.Parse(output[output.IndexOf('{')..]).RootElement;
        return (answer.GetProperty("tokensPerSecond").GetDouble(), [.. answer.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())]);
    }
}
