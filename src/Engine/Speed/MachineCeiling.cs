using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Speed;

/// <summary>What the machine can do at most, all threads together, measured with the engine's own kernels.</summary>
/// <param name="RegisterFlops">FLOP/s of the multiply instruction on registers alone.</param>
/// <param name="ProductFlops">FLOP/s of a large matrix product (M 2048, N 8192, K 2048): the ceiling that training is measured against.</param>
/// <param name="ReadBytes">Bytes per second read from memory.</param>
public sealed record MachineCeiling(double RegisterFlops, double ProductFlops, double ReadBytes)
{
    /// <param name="type">Numbers that are multiplied: F32 or BF16.</param>
    /// <param name="threads">0 = one for each core.</param>
    public static MachineCeiling Measure(ElementType type, int threads)
    {
        threads = threads == 0 ? Environment.ProcessorCount : threads;
        return new MachineCeiling(RegisterCeiling.Measure(type, threads), ProductRate.Measure(type, threads), ReadBandwidth.Measure(threads));
    }
}
