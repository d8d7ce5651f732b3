using System.Runtime.InteropServices;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Operands of one call of a <see cref="PairKernel"/>; the layout is read by emitted code.
/// Left rows hold BF16 numbers. A right panel holds pairs of BF16 numbers as [pair][column]: the lower half of a pair belongs to the even depth.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct PanelRun
{
    /// <summary>Row 0 of the first left operand.</summary>
    public ushort* Left;

    /// <summary>Bytes from row to row.</summary>
    public long LeftStep;

    /// <summary>Row 0 of the second left operand, which goes on where the first ends.</summary>
    public ushort* Second;

    public long SecondStep;

    /// <summary>Pairs of the first operand, then those of the second.</summary>
    public uint* Right;

    /// <summary>Pairs along the first left row.</summary>
    public long Pairs;

    /// <summary>Pairs along the second left row; 0 where there is none.</summary>
    public long SecondPairs;

    /// <summary>(rows, width) F32.</summary>
    public float* Sums;

    /// <summary>Bytes from row to row of <see cref="Sums"/>.</summary>
    public long SumsStep;

    /// <summary>Blocks of rows; set by the kernel, which counts it down.</summary>
    public long Blocks;

    /// <summary>1: add to Sums; 0: overwrite.</summary>
    public long Accumulate;

    /// <summary>Where the right operand is not a panel: its BF16 rows, one for each depth.</summary>
    public ushort* RightRows;

    /// <summary>Bytes from row to row of <see cref="RightRows"/>.</summary>
    public long RightStep;
}
