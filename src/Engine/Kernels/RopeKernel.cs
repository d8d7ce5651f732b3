namespace FineTuneTool.Engine.Kernels;

/// <summary>Rotary embedding of heads, half-split layout: pairs (i, i + pairs) turn by an angle given by its cosine and sine. Su et al. 2021.</summary>
internal abstract unsafe class RopeKernel
{
    /// <summary>x (heads, headDim) in place; cosines and sines (pairs); direction 1 turns forward, −1 back.</summary>
    public abstract void Rotate(float* x, int heads, int headDim, float* cosines, float* sines, int pairs, float direction);
}
