using System.Runtime.CompilerServices;

namespace FineTuneTool.Engine.Kernels;

internal sealed unsafe class GatedActivationVector<S, V> : GatedActivationKernel
    where S : ISimd<V>
    where V : struct
{
    private readonly GatedActivationScalar _rest = new();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Silu(float* gate, float* up, float* y, long count)
    {
        long i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            V g = S.Load(gate + i);
            S.Store(y + i, S.Multiply(S.Multiply(g, VectorFunctions<S, V>.Sigmoid(g)), S.Load(up + i)));
        }

        _rest.Silu(gate + i, up + i, y + i, count - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void SiluBackward(float* dy, float* gate, float* up, float* dGate, float* dUp, long count)
    {
        V one = S.Broadcast(1);
        long i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            V d = S.Load(dy + i), g = S.Load(gate + i), u = S.Load(up + i), sigmoid = VectorFunctions<S, V>.Sigmoid(g);
            V slope = S.Multiply(sigmoid, S.MultiplyAdd(g, S.Subtract(one, sigmoid), one));
            S.Store(dGate + i, S.Multiply(S.Multiply(d, u), slope));
            S.Store(dUp + i, S.Multiply(d, S.Multiply(g, sigmoid)));
        }

        _rest.SiluBackward(dy + i, gate + i, up + i, dGate + i, dUp + i, count - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void GeluTanh(float* gate, float* up, float* y, long count)
    {
        V one = S.Broadcast(1), half = S.Broadcast(0.5f);
        long i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            V g = S.Load(gate + i), tanh = InnerTanh(g);
            S.Store(y + i, S.Multiply(S.Multiply(S.Multiply(half, g), S.Add(one, tanh)), S.Load(up + i)));
        }

        _rest.GeluTanh(gate + i, up + i, y + i, count - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void GeluTanhBackward(float* dy, float* gate, float* up, float* dGate, float* dUp, long count)
    {
        V one = S.Broadcast(1), half = S.Broadcast(0.5f);
        long i = 0;
        for (; i <= count - S.Width; i += S.Width)
        {
            V d = S.Load(dy + i), g = S.Load(gate + i), u = S.Load(up + i), tanh = InnerTanh(g);
            V inner = S.MultiplyAdd(S.Multiply(S.Broadcast(3 * GeluInner * GeluCubic), g), g, S.Broadcast(GeluInner));
            V cosh = S.Subtract(one, S.Multiply(tanh, tanh)), rise = S.Multiply(half, S.Add(one, tanh));
            V slope = S.MultiplyAdd(S.Multiply(S.Multiply(half, g), cosh), inner, rise);
            S.Store(dGate + i, S.Multiply(S.Multiply(d, u), slope));
            S.Store(dUp + i, S.Multiply(d, S.Multiply(g, rise)));
        }

        _rest.GeluTanhBackward(dy + i, gate + i, up + i, dGate + i, dUp + i, count - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V InnerTanh(V g)
    {
        V cube = S.Multiply(S.Multiply(g, g), g);
        return VectorFunctions<S, V>.Tanh(S.Multiply(S.Broadcast(GeluInner), S.MultiplyAdd(S.Broadcast(GeluCubic), cube, g)));
    }
}
