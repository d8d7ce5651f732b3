using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Training.Optimizers;

/// <summary>Where an optimizer keeps its state: in memory, or in files of a folder that the system pages in and out. The numbers are the same.</summary>
/// <param name="pageFolder">null = in memory.</param>
public sealed class OptimizerMemory(Backend backend, string? pageFolder = null)
{
    public Tensor Allocate(Shape shape, ElementType type = ElementType.F32) =>
        pageFolder is null ? backend.Allocate(shape, type) : backend.AllocatePaged(shape, type, pageFolder);

    /// <summary>Says that tensors of its own, or views of them, are not used before the next update.</summary>
    public void Rest(params ReadOnlySpan<Tensor> tensors)
    {
        if (pageFolder is not null)
        {
            foreach (Tensor tensor in tensors)
            {
                backend.PageOut(tensor);
            }
        }
    }
}
