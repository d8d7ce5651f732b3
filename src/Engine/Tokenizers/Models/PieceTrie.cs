using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.Models;

/// <summary>Tokens by their code points, one step at a time; node 0 is the root.</summary>
internal sealed class PieceTrie
{
    public const int Root = 0;

    private const int None = -1;

    private readonly Dictionary<long, int> _edges = [];
    private readonly List<int> _ids = [None];

    /// <summary>Adds a token; of equal ones the later counts.</summary>
    public void Add(string token, int id)
    {
        int node = Root;
        foreach (int point in CodePoints.FromString(token))
        {
            if (!_edges.TryGetValue(Key(node, point), out int next))
            {
                next = _ids.Count;
                _ids.Add(None);
                _edges.Add(Key(node, point), next);
            }

            node = next;
        }

        _ids[node] = id;
    }

    /// <summary>The node after one more code point, or −1.</summary>
    public int Step(int node, int point) => _edges.TryGetValue(Key(node, point), out int next) ? next : None;

    /// <summary>The node after a whole text, or −1.</summary>
    public int Walk(string text)
    {
        int node = Root;
        foreach (int point in CodePoints.FromString(text))
        {
            node = Step(node, point);
            if (node < 0)
            {
                break;
            }
        }

        return node;
    }

    /// <summary>The token that ends at a node, or −1.</summary>
    public int Id(int node) => _ids[node];

    private static long Key(int node, int point) => ((long)node << 21) | (uint)point;
}
