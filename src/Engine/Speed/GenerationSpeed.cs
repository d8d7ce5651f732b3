using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Speed;

/// <summary>How fast the model, as its files hold it, reads a prompt and writes an answer: one sequence, the best of several runs.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="PrefillTokensPerSecond">Tokens of the prompt per second.</param>
/// <param name="DecodeTokens">Tokens of the answer, the first behind an empty cache.</param>
/// <param name="DecodeTokensPerSecond">Tokens of the answer per second, one at a time.</param>
/// <param name="PeakBytes">See <see cref="PeakMemory"/>.</param>
public sealed record GenerationSpeed(int PromptTokens, double PrefillTokensPerSecond, int DecodeTokens, double DecodeTokensPerSecond, long? PeakBytes)
{
    private const int Prompt = 512, Answer = 128;

    public static GenerationSpeed Measure(ModelFiles files, SpeedSettings settings, CancellationToken cancellation)
    {
        using CpuBackend backend = CpuBackend.Create(settings.Threads, activationType: settings.ActivationType);
        using Decoder decoder = Decoder.Load(files, backend);
        int[] ids = [.. Enumerable.Range(0, Prompt).Select(i => i % decoder.Spec.VocabSize)];
        float[] logits = new float[decoder.Spec.VocabSize];
        double prefill = Best(cache => decoder.Append(cache, ids, logits));
        double decode = Best(cache =>
        {
            for (int i = 0; i < Answer; i++)
            {
                decoder.Append(cache, ids.AsSpan(i, 1), logits);
            }
        });
        return new GenerationSpeed(Prompt, Prompt / prefill, Answer, Answer / decode, PeakMemory.Bytes());

        double Best(Action<KvCache> run)
        {
            var seconds = new List<double>();
            for (int i = 0; i <= settings.Runs; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                using KvCache cache = decoder.CreateCache(Prompt);
                seconds.Add(Clock.Seconds(() => run(cache)));
            }

            return seconds.Skip(1).Min();
        }
    }
}
