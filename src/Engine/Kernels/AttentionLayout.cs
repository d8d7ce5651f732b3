namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Heads and visibility of causal attention. Query rows hold heads·headDim floats, key and value rows keyValueHeads·headDim.
/// Key j is visible from row i of the same document where i − window &lt; j ≤ i (window 0 = all). softCap: c·tanh(score/c), 0 = none.
/// </summary>
internal readonly struct AttentionLayout(int heads, int keyValueHeads, int headDim, float scale, int window, float softCap)
{
    public readonly int Heads = heads;

    public readonly int KeyValueHeads = keyValueHeads;

    public readonly int HeadDim = headDim;

    public readonly float Scale = scale;

    public readonly int Window = window;

    public readonly float SoftCap = softCap;

    public int QueryStep => Heads * HeadDim;

    public int KeyStep => KeyValueHeads * HeadDim;

    /// <summary>Query heads that share a key and value head.</summary>
    public int GroupSize => Heads / KeyValueHeads;

    /// <summary>The first key that row i sees.</summary>
    public int FirstVisible(int i) => Window > 0 ? Math.Max(0, i - Window + 1) : 0;
}
