namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// y = f(gate)·up of a gated feed-forward layer, f = SiLU (gate·sigmoid(gate)) or the tanh form of GELU
/// (½·gate·(1 + tanh(√(2/π)·(gate + 0.044715·gate³)))). Shazeer 2020; Hendrycks and Gimpel 2016.
/// </summary>
internal abstract unsafe class GatedActivationKernel
{
    public const float GeluInner = 0.7978845608028654f;
    public const float GeluCubic = 0.044715f;

    public abstract void Silu(float* gate, float* up, float* y, long count);

    /// <summary>dGate = dy·up·f′(gate), dUp = dy·f(gate); either may be dy itself.</summary>
    public abstract void SiluBackward(float* dy, float* gate, float* up, float* dGate, float* dUp, long count);

    public abstract void GeluTanh(float* gate, float* up, float* y, long count);

    /// <summary>As <see cref="SiluBackward"/>.</summary>
    public abstract void GeluTanhBackward(float* dy, float* gate, float* up, float* dGate, float* dUp, long count);
}
