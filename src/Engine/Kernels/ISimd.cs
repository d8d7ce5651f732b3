using System.Runtime.Intrinsics;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// One instruction set, as static operations over its vector of floats. Kernels are generic over it, so that each is written once
/// and compiled for every width; calls through the type parameter are resolved and inlined by the JIT.
/// </summary>
internal unsafe interface ISimd<TVector>
    where TVector : struct
{
    /// <summary>Lanes of a vector.</summary>
    static abstract int Width { get; }

    static abstract TVector Broadcast(float value);

    static abstract TVector Load(float* source);

    static abstract void Store(float* target, TVector value);

    static abstract TVector Add(TVector a, TVector b);

    static abstract TVector Subtract(TVector a, TVector b);

    static abstract TVector Multiply(TVector a, TVector b);

    static abstract TVector Divide(TVector a, TVector b);

    /// <summary>a·b + c, fused where the machine can.</summary>
    static abstract TVector MultiplyAdd(TVector a, TVector b, TVector c);

    static abstract TVector Min(TVector a, TVector b);

    static abstract TVector Max(TVector a, TVector b);

    static abstract TVector Sqrt(TVector a);

    static abstract TVector Abs(TVector a);

    /// <summary>The magnitude of a with the sign of b.</summary>
    static abstract TVector CopySign(TVector a, TVector b);

    /// <summary>a where x &lt; y, else b.</summary>
    static abstract TVector SelectLess(TVector x, TVector y, TVector a, TVector b);

    /// <summary>2 to the power of whole numbers −126 … 127 held as floats.</summary>
    static abstract TVector PowerOfTwo(TVector exponents);

    /// <summary>Nearest whole number, ties to even; for magnitudes below 2²².</summary>
    static abstract TVector Round(TVector a);

    /// <summary>BF16 numbers, widened.</summary>
    static abstract TVector LoadBFloat16(ushort* source);

    /// <summary>Rounded to BF16: nearest, ties to even; not-a-numbers stay so and become quiet.</summary>
    static abstract void StoreBFloat16(ushort* target, TVector value);

    /// <summary>The lower halves of pairs of BF16 numbers.</summary>
    static abstract TVector LoadEven(uint* pairs);

    /// <summary>The upper halves of pairs of BF16 numbers.</summary>
    static abstract TVector LoadOdd(uint* pairs);

    /// <summary>Pairs of BF16 numbers, rounded as <see cref="StoreBFloat16"/> does.</summary>
    static abstract void StorePairs(uint* pairs, TVector even, TVector odd);

    /// <summary>Pairs of BF16 numbers from those of two rows.</summary>
    static abstract void StorePairs(uint* pairs, ushort* even, ushort* odd);

    /// <summary>The sum of all lanes, added up in the order of <see cref="Sums"/>.</summary>
    static abstract float Sum(TVector a);

    /// <summary>The sum of all lanes of each of four vectors.</summary>
    static abstract Vector128<float> Sums(TVector a, TVector b, TVector c, TVector d);

    static abstract float Largest(TVector a);
}
