namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// AdamW with decoupled weight decay (Loshchilov and Hutter 2019) in the order of operations of torch.optim.AdamW:
/// p·(1 − lr·wd); m += (1 − β1)·(g − m); v = β2·v + (1 − β2)·g²; p −= lr/(1 − β1ᵗ) · m / (√v/√(1 − β2ᵗ) + ε).
/// </summary>
internal abstract unsafe class AdamWKernel
{
    public abstract void Update(float* values, float* gradients, float* first, float* second, long count, in AdamWFactors factors);
}
