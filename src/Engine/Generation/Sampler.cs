using System.Numerics;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Generation;

/// <summary>
/// Chooses a token from logits: repetition penalty, temperature, top-k, top-p, min-p, then a draw, in this order and with the
/// meaning of the logits processors of Hugging Face transformers. Equal seeds and streams give equal choices.
/// </summary>
/// <param name="stream">Tells answers of one run apart: each has random numbers of its own.</param>
public sealed class Sampler(SamplingSettings settings, ulong stream = 0)
{
    /// <summary>Below the weight 1 of the likeliest token, which always stays.</summary>
    private const double MaximumThatGoes = 0.999999;

    private readonly SamplingSettings _settings = settings.Checked();
    private readonly CounterRandom _random = new(settings.Seed, RandomPurpose.Sampling, stream);
    private int[] _ids = [];

    /// <summary>Probabilities of the candidates, relative to the likeliest.</summary>
    private double[] _weights = [];

    /// <summary>The next token's id.</summary>
    /// <param name="logits">(V) overwritten.</param>
    /// <param name="previous">The prompt and what was generated; only the repetition penalty reads it.</param>
    /// <param name="draw">Index of the random number: how many tokens of this answer were chosen before.</param>
    /// <exception cref="FineTuneException">FT1005: a logit is not a number, or none is finite.</exception>
    public int Next(Span<float> logits, ReadOnlySpan<int> previous, int draw)
    {
        if (_settings.RepetitionPenalty != 1)
        {
            PenaliseRepetition(logits, previous);
        }

        int best = ArgMax(logits);
        if (_settings.Temperature == 0)
        {
            return best;
        }

        int count = Candidates(logits, logits[best]);
        if (_settings.TopP < 1)
        {
            count = KeepTopP(count);
        }

        if (_settings.MinP > 0)
        {
            count = KeepMinP(count);
        }

        return Draw(count, draw);
    }

    /// <summary>The id of the largest logit; the lowest id among equals.</summary>
    /// <exception cref="FineTuneException">FT1005.</exception>
    public static int ArgMax(ReadOnlySpan<float> logits)
    {
        var largest = new Vector<float>(float.NegativeInfinity);
        float best = float.NegativeInfinity;
        int width = Vector<float>.Count, whole = logits.Length / width * width;
        bool numbers = true;
        for (int id = 0; id < whole; id += width)
        {
            var some = new Vector<float>(logits[id..]);
            numbers &= Vector.EqualsAll(some, some);
            largest = Vector.Max(largest, some);
        }

        for (int lane = 0; lane < width; lane++)
        {
            best = MathF.Max(best, largest[lane]);
        }

        for (int id = whole; id < logits.Length; id++)
        {
            best = MathF.Max(best, logits[id]);
        }

        if (!numbers || !float.IsFinite(best))
        {
            throw NoNumber();
        }

        int first = 0;
        while (first < whole && !Vector.EqualsAny(new Vector<float>(logits[first..]), new Vector<float>(best)))
        {
            first += width;
        }

        while (logits[first] != best)
        {
            first++;
        }

        return first;
    }

    private static FineTuneException NoNumber() => new(
        Codes.LogitsNotFinite,
        "The model's scores for the next token are not numbers.",
        "The weights or the adapter are damaged or were trained with too high a learning rate: check the files with 'finetune inspect', or use an earlier checkpoint.");

    private void PenaliseRepetition(Span<float> logits, ReadOnlySpan<int> previous)
    {
        float penalty = (float)_settings.RepetitionPenalty;
        var seen = new HashSet<int>();
        foreach (int id in previous)
        {
            if ((uint)id < (uint)logits.Length && seen.Add(id))
            {
                logits[id] = logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty;
            }
        }
    }

    /// <summary>Fills ids and weights exp((logit − largest) / temperature), in order of ids, after top-k. Returns how many.</summary>
    private int Candidates(ReadOnlySpan<float> logits, float largest)
    {
        if (_ids.Length < logits.Length)
        {
            _ids = new int[logits.Length];
            _weights = new double[logits.Length];
        }

        float threshold = _settings.TopK > 0 && _settings.TopK < logits.Length ? KthLargest(logits, _settings.TopK) : float.NegativeInfinity;
        int count = 0;
        for (int id = 0; id < logits.Length; id++)
        {
            if (logits[id] >= threshold)
            {
                double weight = Math.Exp(((double)logits[id] - largest) / _settings.Temperature);
                if (weight > 0)
                {
                    _ids[count] = id;
                    _weights[count++] = weight;
                }
            }
        }

        return count;
    }

    private static float KthLargest(ReadOnlySpan<float> values, int k)
    {
        var largest = new PriorityQueue<float, float>(k);
        foreach (float value in values)
        {
            if (largest.Count < k)
            {
                largest.Enqueue(value, value);
            }
            else if (value > largest.Peek())
            {
                largest.EnqueueDequeue(value, value);
            }
        }

        return largest.Peek();
    }

    /// <summary>
    /// From the least likely upwards, tokens go while their probabilities together are at most 1 − p; the likeliest stays. Among equals the higher id goes first.
    /// </summary>
    private int KeepTopP(int count)
    {
        double total = Sum(count), mayGo = (1 - _settings.TopP) * total;

        // Tokens at or below the mean share of what may go all go, which leaves few to sort.
        double low = Math.Min(mayGo / count, MaximumThatGoes), gone = 0;
        var rest = new List<int>();
        for (int i = 0; i < count; i++)
        {
            if (_weights[i] <= low)
            {
                gone += _weights[i];
            }
            else
            {
                rest.Add(i);
            }
        }

        rest.Sort((a, b) => _weights[a] != _weights[b] ? _weights[a].CompareTo(_weights[b]) : b.CompareTo(a));
        int first = 0;
        while (first < rest.Count - 1 && gone + _weights[rest[first]] <= mayGo)
        {
            gone += _weights[rest[first++]];
        }

        rest.RemoveRange(0, first);
        rest.Sort();
        for (int i = 0; i < rest.Count; i++)
        {
            (_ids[i], _weights[i]) = (_ids[rest[i]], _weights[rest[i]]);
        }

        return rest.Count;
    }

    /// <summary>Tokens at least p times as likely as the likeliest, whose weight is 1.</summary>
    private int KeepMinP(int count)
    {
        int kept = 0;
        for (int i = 0; i < count; i++)
        {
            if (_weights[i] >= _settings.MinP)
            {
                (_ids[kept], _weights[kept]) = (_ids[i], _weights[i]);
                kept++;
            }
        }

        return kept;
    }

    private int Draw(int count, int draw)
    {
        double rest = _random.Uniform((ulong)draw) * Sum(count);
        for (int i = 0; i < count - 1; i++)
        {
            rest -= _weights[i];
            if (rest < 0)
            {
                return _ids[i];
            }
        }

        return _ids[count - 1];
    }

    private double Sum(int count)
    {
        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += _weights[i];
        }

        return sum;
    }
}
