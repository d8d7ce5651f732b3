using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// The kernels of one instruction set. All sets compute the same functions and differ in the last bits only;
/// <c>scalar</c> holds the plain forms that the others are tested against.
/// </summary>
internal sealed class KernelSet
{
    public static readonly KernelSet Scalar = new("scalar", isAvailable: true, new MicroKernelScalar());

    public static readonly KernelSet Portable = new("portable", Vector128.IsHardwareAccelerated, new MicroKernel4x2<Simd128, Vector128<float>>());

    public static readonly KernelSet Avx2 = new(
        "avx2", System.Runtime.Intrinsics.X86.Avx2.IsSupported && Fma.IsSupported, new MicroKernel4x2<Simd256, Vector256<float>>());

    public static readonly KernelSet Avx512 = new(
        "avx512", Avx512F.IsSupported && Avx512DQ.IsSupported && Avx512BW.IsSupported, new MicroKernel8x2<Simd512, Vector512<float>>());

    /// <summary>Every set, slowest first.</summary>
    public static readonly IReadOnlyList<KernelSet> All = [Scalar, Portable, Avx2, Avx512];

    private KernelSet(string name, bool isAvailable, MicroKernel product)
    {
        Name = name;
        IsAvailable = isAvailable;
        Product = product;
        Dropout = new DropoutScalar();
        Packer = new PanelPackerScalar(Dropout);
    }

    public string Name { get; }

    /// <summary>Whether this machine can run the set.</summary>
    public bool IsAvailable { get; }

    public MicroKernel Product { get; }

    public PanelPacker Packer { get; }

    public DropoutKernel Dropout { get; }

    public VectorMathKernel VectorMath { get; } = new VectorMathScalar();

    public RmsNormKernel RmsNorm { get; } = new RmsNormScalar();

    public RopeKernel Rope { get; } = new RopeScalar();

    public GatedActivationKernel GatedActivation { get; } = new GatedActivationScalar();

    public LossKernel Loss { get; } = new LossScalar();

    public AdamWKernel AdamW { get; } = new AdamWScalar();

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
}
