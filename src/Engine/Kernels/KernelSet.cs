using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Jit;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// The kernels of one instruction set. All sets compute the same functions and differ in the last bits only;
/// <c>scalar</c> holds the plain forms that the others are tested against.
/// </summary>
internal sealed class KernelSet
{
    public static readonly KernelSet Scalar = new("scalar", true)
    {
        Product = new MicroKernelScalar(),
        Pairs = new PairKernelScalar(),
        Conversion = new BFloat16Scalar(),
        Packer = new PanelPackerScalar(new DropoutScalar(), new VectorMathScalar()),
        Dropout = new DropoutScalar(),
        VectorMath = new VectorMathScalar(),
        RmsNorm = new RmsNormScalar(),
        Rope = new RopeScalar(),
        GatedActivation = new GatedActivationScalar(),
        Attention = new AttentionScalar(),
        Scores = new ScoreScalar(),
        Loss = new LossScalar(),
        AdamW = new AdamWScalar(),
    };

    public static readonly KernelSet Portable = Vectors<Simd128, Vector128<float>>(
        "portable", true, new MicroKernel4x2<Simd128, Vector128<float>>(), new DropoutScalar(), [new F32Dot<Simd128, Vector128<float>>()]);

    public static readonly KernelSet Avx2 = Vectors<Simd256, Vector256<float>>(
        "avx2", System.Runtime.Intrinsics.X86.Avx2.IsSupported && Fma.IsSupported, new MicroKernel4x2<Simd256, Vector256<float>>(), new DropoutAvx2(),
        [new F32Dot<Simd256, Vector256<float>>()]);

    public static readonly KernelSet Avx512 = Vectors<Simd512, Vector512<float>>(
        "avx512", Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported, new MicroKernel8x2<Simd512, Vector512<float>>(), new DropoutAvx512(),
        [
            new F32Dot<Simd512, Vector512<float>>(), new HalfDot512(ElementType.F16), new HalfDot512(ElementType.BF16), new Q8_0Dot512(),
            new Q4_0Dot512(ElementType.Q4_0, Q4_0Dot512.Signed), new Q4_0Dot512(ElementType.IQ4_NL, Q4_0Dot512.Uneven), new Q4_1Dot512(),
            new Q4_KDot512(), new Q6_KDot512(), new FourBitDot512(ElementType.NF4, FourBitCodebook.NF4), new FourBitDot512(ElementType.FP4, FourBitCodebook.FP4),
        ]);

    /// <summary>AVX-512 with products of BF16 numbers; those of F32 are those of <see cref="Avx512"/>.</summary>
    public static readonly KernelSet Avx512BFloat16 = Vectors<Simd512, Vector512<float>>(
        "avx512bf16", Avx512.IsAvailable && PairKernelBFloat16.IsSupported, Avx512.Product, Avx512.Dropout, Avx512.StoredDots, new PairKernelBFloat16(),
        new ScoreBFloat16());

    /// <summary>As <see cref="Avx512BFloat16"/>, with products of BF16 numbers by tiles.</summary>
    public static readonly KernelSet Amx = Vectors<Simd512, Vector512<float>>(
        "amx", Avx512BFloat16.IsAvailable && TileState.IsAvailable, Avx512.Product, Avx512.Dropout, Avx512.StoredDots,
        new PairKernelAmx(new BFloat16Vector<Simd512, Vector512<float>>()), new ScoreBFloat16());

    /// <summary>Every set, slowest first.</summary>
    public static readonly IReadOnlyList<KernelSet> All = [Scalar, Portable, Avx2, Avx512, Avx512BFloat16, Amx];

    internal KernelSet(string name, bool isAvailable)
    {
        Name = name;
        IsAvailable = isAvailable;
    }

    public string Name { get; }

    /// <summary>Whether this machine can run the set.</summary>
    public bool IsAvailable { get; }

    public required MicroKernel Product { get; init; }

    public required PairKernel Pairs { get; init; }

    public required BFloat16Kernel Conversion { get; init; }

    public required PanelPacker Packer { get; init; }

    public required DropoutKernel Dropout { get; init; }

    public required VectorMathKernel VectorMath { get; init; }

    public required RmsNormKernel RmsNorm { get; init; }

    public required RopeKernel Rope { get; init; }

    public required GatedActivationKernel GatedActivation { get; init; }

    public required AttentionKernel Attention { get; init; }

    public required ScoreKernel Scores { get; init; }

    public required LossKernel Loss { get; init; }

    public required AdamWKernel AdamW { get; init; }

    /// <summary>Kernels of the storages whose rows are multiplied without decoding them first.</summary>
    public IReadOnlyList<StoredDotKernel> StoredDots { get; init; } = [];

    /// <summary>The set of that name, or the best available for null. FT2003 where it is unknown or this machine lacks it.</summary>
    public static KernelSet Choose(string? name)
    {
        if (string.IsNullOrEmpty(name))
        {
            return All.Last(set => set.IsAvailable);
        }

        string names = string.Join(", ", All.Where(set => set.IsAvailable).Select(set => set.Name));
        KernelSet? chosen = All.FirstOrDefault(set => set.Name == name);
        return chosen switch
        {
            null => throw new FineTuneException(Codes.UnsupportedKernels, $"There are no kernels named '{name}'.", $"Use one of {names}, or none to get the best."),
            { IsAvailable: false } => throw new FineTuneException(
                Codes.UnsupportedKernels, $"This machine lacks the instructions of the kernels '{name}'.", $"Use one of {names}, or none to get the best."),
            _ => chosen,
        };
    }

    private static KernelSet Vectors<S, V>(
        string name, bool isAvailable, MicroKernel product, DropoutKernel dropout, IReadOnlyList<StoredDotKernel> storedDots, PairKernel? pairs = null,
        ScoreKernel? scores = null)
        where S : ISimd<V>
        where V : struct
    {
        var math = new VectorMathVector<S, V>();
        var conversion = new BFloat16Vector<S, V>();
        PanelPacker packer = System.Runtime.Intrinsics.X86.Avx2.IsSupported ? new PanelPackerAvx(dropout, math) : new PanelPackerScalar(dropout, math);
        return new KernelSet(name, isAvailable)
        {
            Product = product,
            Pairs = pairs ?? new PairKernelVector(product, packer, conversion),
            Conversion = conversion,
            Packer = packer,
            Dropout = dropout,
            VectorMath = math,
            RmsNorm = new RmsNormVector<S, V>(math),
            Rope = new RopeVector<S, V>(),
            GatedActivation = new GatedActivationVector<S, V>(),
            Attention = new AttentionVector<S, V>(product, packer, math),
            Scores = scores ?? new ScoreVector<S, V>(),
            Loss = new LossVector<S, V>(math),
            AdamW = new AdamWVector<S, V>(),
            StoredDots = storedDots,
        };
    }
}
