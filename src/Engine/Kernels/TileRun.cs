using System.Runtime.InteropServices;

namespace FineTuneTool.Engine.Kernels;

/// <summary>Argument of the loops of <see cref="TileEmitter"/>; operands are those of <see cref="PanelRun"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TileRun
{
    public TileConfiguration* Configuration;

    public ushort* Left;

    /// <summary>Bytes from row to row, here and below.</summary>
    public long LeftStep;

    public uint* Right;

    public long RightStep;

    /// <summary>Tiles along the depth; 0 leaves nothing to add.</summary>
    public long Steps;

    public float* Sums;

    public long SumsStep;

    public long RowBlocks;

    /// <summary>Counted down, while <see cref="Right"/> and <see cref="Sums"/> go on.</summary>
    public long ColumnBlocks;

    /// <summary>1: add to Sums; 0: overwrite.</summary>
    public long Accumulate;
}
