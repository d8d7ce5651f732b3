using System.Runtime.InteropServices;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>
/// What A and B of one layer took from its weight when they began. PEFT keeps the weight without it; here it is a constant of the branch, so that the base stays
/// what its file says, in whatever storage. The adapter is written as PEFT's conversion does: rank 2·R with A over A₀ and B beside −B₀, plain LoRA on the base.
/// </summary>
/// <param name="A">A₀ (R, K).</param>
/// <param name="B">−s·B₀ (N, R).</param>
internal sealed record LoraStart(Tensor A, Tensor B) : IDisposable
{
    public static LoraStart Of(Backend backend, LinearLayer linear, int rank, float scale, (float[] A, float[] B) values)
    {
        var start = new LoraStart(backend.Allocate(new Shape(rank, linear.InFeatures)), backend.Allocate(new Shape(linear.OutFeatures, rank)));
        backend.Write(start.A, values.A);
        backend.Write(start.B, [.. values.B.Select(value => -scale * value)]);
        return start;
    }

    /// <summary>The tensor of rank 2·R that holds A and A₀.</summary>
    public TensorSource JoinA(Backend backend, TensorSource source, Tensor a) => new(
        source.Name, ElementType.F32, new Shape(2 * a.Shape[0], a.Shape[1]), stream =>
        {
            stream.Write(MemoryMarshal.AsBytes<float>(Values(backend, a)));
            stream.Write(MemoryMarshal.AsBytes<float>(Values(backend, A)));
        });

    /// <summary>The tensor of rank 2·R that holds B and −B₀.</summary>
    public TensorSource JoinB(Backend backend, TensorSource source, Tensor b, float scale) => new(
        source.Name, ElementType.F32, new Shape(b.Shape[0], 2 * b.Shape[1]), stream =>
        {
            int rank = (int)b.Shape[1];
            float[] now = Values(backend, b), then = [.. Values(backend, B).Select(value => value / scale)];
            for (int row = 0; row < b.Shape[0]; row++)
            {
                stream.Write(MemoryMarshal.AsBytes(now.AsSpan(row * rank, rank)));
                stream.Write(MemoryMarshal.AsBytes(then.AsSpan(row * rank, rank)));
            }
        });

    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
    }

    private static float[] Values(Backend backend, Tensor tensor)
    {
        float[] values = new float[tensor.Shape.Count];
        backend.Read(tensor, values);
        return values;
    }
}
