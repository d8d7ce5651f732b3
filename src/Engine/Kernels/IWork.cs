namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Work cut into numbered blocks that write disjoint outputs. Blocks run on any thread in any order; the cut and the arithmetic of a
/// block never depend on the number of threads where a sum could notice.
/// </summary>
internal interface IWork
{
    /// <param name="worker">0 … threads-1: selects scratch memory.</param>
    void Run(int block, int worker);
}
