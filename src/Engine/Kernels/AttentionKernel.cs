namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Causal attention of one head over one document, in pieces that threads can share. Vaswani et al. 2017; in tiles with the log of the
/// softmax's denominator kept for the backward pass as in Dao et al. 2022. Scratch belongs to the calling thread.
/// </summary>
internal abstract unsafe class AttentionKernel
{
    /// <summary>Query rows of one call of <see cref="Forward"/>.</summary>
    public abstract int QueryTile { get; }

    /// <summary>Floats that <see cref="Prepare"/> writes for that many keys of one key and value head.</summary>
    public abstract long PreparedFloats(in AttentionLayout layout, int keys);

    public abstract long ForwardScratch(in AttentionLayout layout, int keys);

    public abstract long BackwardScratch(in AttentionLayout layout, int rows);

    /// <summary>Brings the keys of one head (rows keyStep apart) into the order that <see cref="Forward"/> reads.</summary>
    public abstract void Prepare(in AttentionLayout layout, float* key, int keys, float* prepared);

    /// <summary>Output and log-sum-exp of query rows first … first+QueryTile-1, as far as the document has them.</summary>
    public abstract void Forward(in AttentionLayout layout, in AttentionHead head, float* prepared, int first, float* scratch);

    /// <summary>Overwrites the gradients of one head.</summary>
    public abstract void Backward(in AttentionLayout layout, in AttentionHead head, in AttentionGradient gradient, float* scratch);

    /// <summary>
    /// One query (headDim) at row i over keys and values keyStep floats apart, row 0 first. scores: scratch of i + 1 floats.
    /// Returns the log of the softmax's denominator.
    /// </summary>
    public abstract float ForwardRow(in AttentionLayout layout, float* query, float* keys, float* values, int i, float* output, float* scores);
}
