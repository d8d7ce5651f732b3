namespace FineTuneTool.Engine.Tokenizers.Learning;

/// <summary>
/// Learns the merges of byte pair encoding: again and again the most frequent pair of neighbours becomes one symbol (Sennrich et al. 2016).
/// Symbols 0 … 255 are bytes, those above are merges in their order. Of pairs that are equally frequent the one with the smaller left symbol is taken,
/// then the one with the smaller right symbol. A pair counts at every place where it stands, also where places overlap as in "aaa".
/// No two merges make the same bytes: between the same borders, bytes are always merged alike.
/// </summary>
internal sealed class MergeLearner
{
    private const int Bytes = 256;

    /// <summary>What stands once teaches nothing about other texts.</summary>
    private const long LeastCount = 2;

    private readonly List<(int[] Symbols, long Count)> _words = [];
    private readonly Dictionary<(int Left, int Right), long> _counts = [];

    /// <summary>The words in which a pair stands, or once stood.</summary>
    private readonly Dictionary<(int Left, int Right), HashSet<int>> _places = [];

    /// <summary>Candidates, the next merge first; those whose count has changed since are outdated.</summary>
    private readonly PriorityQueue<(int Left, int Right), (long NegativeCount, int Left, int Right)> _queue = new();

    public MergeLearner(IEnumerable<(byte[] Word, long Count)> words)
    {
        foreach ((byte[] word, long count) in words)
        {
            _words.Add(([.. word.Select(value => (int)value)], count));
            Count(_words.Count - 1, count, changed: null);
        }

        foreach ((int Left, int Right) pair in _counts.Keys)
        {
            Enqueue(pair);
        }
    }

    /// <summary>The next <paramref name="most"/> merges, fewer where no pair stands twice any more.</summary>
    public List<(int Left, int Right)> Learn(int most, CancellationToken cancellation)
    {
        var merges = new List<(int Left, int Right)>();
        while (merges.Count < most && Next() is { } pair)
        {
            cancellation.ThrowIfCancellationRequested();
            Merge(pair, Bytes + merges.Count);
            merges.Add(pair);
        }

        return merges;
    }

    private (int Left, int Right)? Next()
    {
        while (_queue.TryDequeue(out (int Left, int Right) pair, out (long NegativeCount, int Left, int Right) order))
        {
            if (_counts.GetValueOrDefault(pair) == -order.NegativeCount)
            {
                return pair;
            }
        }

        return null;
    }

    private void Merge((int Left, int Right) pair, int symbol)
    {
        var changed = new HashSet<(int Left, int Right)>();
        _places.Remove(pair, out HashSet<int>? places);
        foreach (int word in places!)
        {
            (int[] symbols, long count) = _words[word];
            int[] merged = Merged(symbols, pair, symbol);
            if (merged.Length < symbols.Length)
            {
                Count(word, -count, changed);
                _words[word] = (merged, count);
                Count(word, count, changed);
            }
        }

        foreach ((int Left, int Right) other in changed)
        {
            if (_counts[other] == 0)
            {
                _counts.Remove(other);
                _places.Remove(other);
            }
            else
            {
                Enqueue(other);
            }
        }
    }

    /// <summary>Adds to the count of every pair of a word.</summary>
    private void Count(int word, long count, HashSet<(int Left, int Right)>? changed)
    {
        int[] symbols = _words[word].Symbols;
        for (int i = 0; i + 1 < symbols.Length; i++)
        {
            (int Left, int Right) pair = (symbols[i], symbols[i + 1]);
            _counts[pair] = _counts.GetValueOrDefault(pair) + count;
            changed?.Add(pair);
            if (count > 0)
            {
                if (!_places.TryGetValue(pair, out HashSet<int>? places))
                {
                    _places[pair] = places = [];
                }

                places.Add(word);
            }
        }
    }

    private void Enqueue((int Left, int Right) pair)
    {
        if (_counts[pair] is var count and >= LeastCount)
        {
            _queue.Enqueue(pair, (-count, pair.Left, pair.Right));
        }
    }

    private static int[] Merged(int[] symbols, (int Left, int Right) pair, int symbol)
    {
        var merged = new List<int>(symbols.Length);
        for (int i = 0; i < symbols.Length; i++)
        {
            if (i + 1 < symbols.Length && symbols[i] == pair.Left && symbols[i + 1] == pair.Right)
            {
                merged.Add(symbol);
                i++;
            }
            else
            {
                merged.Add(symbols[i]);
            }
        }

        return [.. merged];
    }
}
