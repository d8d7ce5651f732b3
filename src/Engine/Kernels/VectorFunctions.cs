using System.Runtime.CompilerServices;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Transcendental functions of a vector of floats, within 2 units in the last place; NaN stays NaN.
/// Range reduction and polynomials after Moshier's Cephes library (expf, tanhf).
/// </summary>
internal static class VectorFunctions<S, V>
    where S : ISimd<V>
    where V : struct
{
    /// <summary>Below this the result would be denormal; it is zero here.</summary>
    private const float ExpLowest = -87.33654f;

    /// <summary>Above this the result is infinite.</summary>
    private const float ExpHighest = 88.72284f;

    /// <summary>2 to the power of −½ … ½ as 1 + a polynomial, fitted to the least relative error.</summary>
    private const float Exp2First = 6.93147004e-1f, Exp2Second = 2.40222424e-1f, Exp2Third = 5.55073395e-2f, Exp2Fourth = 9.67152324e-3f, Exp2Fifth = 1.32647576e-3f;

    /// <summary>Up to here tanh is a polynomial; beyond it comes from exp without cancellation.</summary>
    private const float TanhPolynomialLimit = 0.625f;

    /// <summary>The highest power first.</summary>
    public static ReadOnlySpan<float> Exp2Coefficients => [Exp2Fifth, Exp2Fourth, Exp2Third, Exp2Second, Exp2First, 1];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp(V x)
    {
        // The constant stands first: the machine's minimum returns its second operand when either is NaN.
        V clamped = S.Max(S.Broadcast(ExpLowest), S.Min(S.Broadcast(ExpHighest), x));
        V n = S.Round(S.Multiply(clamped, S.Broadcast(1.44269504f)));
        // ln 2 in two parts, the first with few enough bits that n times it is exact.
        V r = S.MultiplyAdd(n, S.Broadcast(-0.693359375f), clamped);
        r = S.MultiplyAdd(n, S.Broadcast(2.12194440e-4f), r);
        V p = S.MultiplyAdd(S.Broadcast(1.9875691500e-4f), r, S.Broadcast(1.3981999507e-3f));
        p = S.MultiplyAdd(p, r, S.Broadcast(8.3334519073e-3f));
        p = S.MultiplyAdd(p, r, S.Broadcast(4.1665795894e-2f));
        p = S.MultiplyAdd(p, r, S.Broadcast(1.6666665459e-1f));
        p = S.MultiplyAdd(p, r, S.Broadcast(5.0000001201e-1f));
        p = S.Add(S.MultiplyAdd(p, S.Multiply(r, r), r), S.Broadcast(1));
        return S.SelectLess(x, S.Broadcast(ExpLowest), S.Broadcast(0), S.Multiply(p, S.PowerOfTwo(n)));
    }

    /// <summary>2 to the power of x ≤ 127; zero below −126. Relative error up to 1e-7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp2(V x)
    {
        V n = S.Round(x), r = S.Subtract(x, n);
        V p = S.MultiplyAdd(S.Broadcast(Exp2Fifth), r, S.Broadcast(Exp2Fourth));
        p = S.MultiplyAdd(p, r, S.Broadcast(Exp2Third));
        p = S.MultiplyAdd(p, r, S.Broadcast(Exp2Second));
        p = S.MultiplyAdd(p, r, S.Broadcast(Exp2First));
        p = S.MultiplyAdd(p, r, S.Broadcast(1));
        return S.SelectLess(x, S.Broadcast(-126), S.Broadcast(0), S.Multiply(p, S.PowerOfTwo(n)));
    }

    /// <summary>1 / (1 + exp(−x)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid(V x)
    {
        V one = S.Broadcast(1);
        return S.Divide(one, S.Add(one, Exp(S.Subtract(S.Broadcast(0), x))));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh(V x)
    {
        V magnitude = S.Abs(x), one = S.Broadcast(1);
        V far = S.Subtract(one, S.Divide(S.Broadcast(2), S.Add(Exp(S.Add(magnitude, magnitude)), one)));
        V square = S.Multiply(x, x);
        V p = S.MultiplyAdd(S.Broadcast(-5.70498872745e-3f), square, S.Broadcast(2.06390887954e-2f));
        p = S.MultiplyAdd(p, square, S.Broadcast(-5.37397155531e-2f));
        p = S.MultiplyAdd(p, square, S.Broadcast(1.33314422036e-1f));
        p = S.MultiplyAdd(p, square, S.Broadcast(-3.33332819422e-1f));
        V near = S.MultiplyAdd(S.Multiply(p, square), x, x);
        return S.SelectLess(magnitude, S.Broadcast(TanhPolynomialLimit), near, S.CopySign(far, x));
    }
}
