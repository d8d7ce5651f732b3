namespace FineTuneTool.Engine.Kernels;

internal sealed unsafe class GatedActivationScalar : GatedActivationKernel
{
    public override void Silu(float* gate, float* up, float* y, long count)
    {
        for (long i = 0; i < count; i++)
        {
            y[i] = gate[i] / (1 + MathF.Exp(-gate[i])) * up[i];
        }
    }

    public override void SiluBackward(float* dy, float* gate, float* up, float* dGate, float* dUp, long count)
    {
        for (long i = 0; i < count; i++)
        {
            float d = dy[i], g = gate[i], sigmoid = 1 / (1 + MathF.Exp(-g)), u = up[i];
            dGate[i] = d * u * (sigmoid * (1 + g * (1 - sigmoid)));
            dUp[i] = d * (g * sigmoid);
        }
    }

    public override void GeluTanh(float* gate, float* up, float* y, long count)
    {
        for (long i = 0; i < count; i++)
        {
            float g = gate[i], tanh = MathF.Tanh(GeluInner * (g + GeluCubic * g * g * g));
            y[i] = 0.5f * g * (1 + tanh) * up[i];
        }
    }

    public override void GeluTanhBackward(float* dy, float* gate, float* up, float* dGate, float* dUp, long count)
    {
        for (long i = 0; i < count; i++)
        {
            float d = dy[i], g = gate[i], u = up[i], tanh = MathF.Tanh(GeluInner * (g + GeluCubic * g * g * g));
            float inner = GeluInner * (1 + 3 * GeluCubic * g * g);
            dGate[i] = d * u * (0.5f * (1 + tanh) + 0.5f * g * (1 - tanh * tanh) * inner);
            dUp[i] = d * (0.5f * g * (1 + tanh));
        }
    }
}
