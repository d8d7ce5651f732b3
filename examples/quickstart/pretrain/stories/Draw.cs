namespace Stories;

/// <summary>Random choices that are the same on every machine (SplitMix64, Steele et al. 2014). Each story has a stream of its own.</summary>
internal sealed class Draw(ulong seed, ulong story)
{
    private ulong _state = seed * 0x9E3779B97F4A7C15 ^ (story + 1) * 0xD1B54A32D192ED03;

    /// <summary>A number from 0 to <paramref name="count"/> − 1.</summary>
    public int Below(int count) => (int)Math.BigMul(Next(), (ulong)count, out _);

    public bool Chance(int percent) => Below(100) < percent;

    public T One<T>(IReadOnlyList<T> choices) => choices[Below(choices.Count)];

    private ulong Next()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
