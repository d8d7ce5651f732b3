namespace FineTuneTool.Engine.Tokenizers;

/// <summary>Finds the longest of several patterns that starts at a place of a text.</summary>
internal sealed class AddedTokenTrie
{
    private readonly Dictionary<(int Node, int Point), int> _edges = [];
    private readonly List<AddedToken?> _tokens = [null];
    private readonly bool[] _asciiStarts = new bool[128];
    private readonly HashSet<int> _otherStarts = [];

    public bool IsEmpty => _edges.Count == 0;

    public void Add(ReadOnlySpan<int> pattern, AddedToken token)
    {
        if (pattern.IsEmpty)
        {
            return;
        }

        if (pattern[0] < 128)
        {
            _asciiStarts[pattern[0]] = true;
        }
        else
        {
            _otherStarts.Add(pattern[0]);
        }

        int node = 0;
        foreach (int point in pattern)
        {
            if (!_edges.TryGetValue((node, point), out int next))
            {
                next = _tokens.Count;
                _tokens.Add(null);
                _edges.Add((node, point), next);
            }

            node = next;
        }

        _tokens[node] ??= token;
    }

    /// <summary>The leftmost, and there the longest, match at or after <paramref name="from"/>; null where there is none.</summary>
    public AddedToken? Find(ReadOnlySpan<int> text, int from, out int start, out int end)
    {
        for (start = from; start < text.Length; start++)
        {
            int first = text[start];
            if (first < 128 ? !_asciiStarts[first] : !_otherStarts.Contains(first))
            {
                continue;
            }

            AddedToken? longest = null;
            end = start;
            int node = 0;
            for (int i = start; i < text.Length && _edges.TryGetValue((node, text[i]), out node); i++)
            {
                if (_tokens[node] is { } token)
                {
                    longest = token;
                    end = i + 1;
                }
            }

            if (longest is not null)
            {
                return longest;
            }
        }

        end = start;
        return null;
    }
}
