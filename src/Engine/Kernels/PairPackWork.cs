namespace FineTuneTool.Engine.Kernels;

/// <summary>Brings a whole right operand into the panels that all tiles share: panel by panel, or by runs of stored rows.</summary>
internal unsafe struct PairPackWork : IWork
{
    private const int RowsPerBlock = 64;

    public PairTileWork Tiles;
    public int PanelCount;

    public static int BlocksOf(in PairTerm term, int panels) =>
        term.Depth == 0 ? 0 : term.RightTransposed ? panels : (term.Depth + RowsPerBlock - 1) / RowsPerBlock;

    public readonly void Run(int block, int worker)
    {
        int ofFirst = BlocksOf(Tiles.First, PanelCount);
        if (block < ofFirst)
        {
            Pack(Tiles.First, block, Tiles.Panels, worker);
        }
        else
        {
            Pack(Tiles.Second, block - ofFirst, Tiles.Panels + (Tiles.First.Depth + 1) / 2 * Tiles.Width, worker);
        }
    }

    private readonly void Pack(in PairTerm term, int block, uint* target, int worker)
    {
        float* scratch = Tiles.Memory + worker * Tiles.WorkerFloats + Tiles.ScratchAt;
        if (term.RightTransposed)
        {
            int column = block * Tiles.Width;
            target += block * Tiles.PanelPairs * Tiles.Width;
            Tiles.Packer.Pack(term, column, Math.Min(Tiles.Width, Tiles.Columns - column), term.Start, term.Depth, target, Tiles.Width, Tiles.PanelPairs, scratch);
            return;
        }

        int start = block * RowsPerBlock, depth = Math.Min(RowsPerBlock, term.Depth - start);
        Tiles.Packer.Pack(term, 0, Tiles.Columns, term.Start + start, depth, target + start / 2 * Tiles.Width, Tiles.Width, Tiles.PanelPairs, scratch);
    }
}
