using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>One tensor of an adapter: its name and shape in PEFT's file, and how it lies in memory.</summary>
/// <param name="Decays">Whether weight decay applies: not to biases and norms.</param>
/// <param name="Width">
/// 0 = in memory as in the file. Else each row of the file's (N, G·Width) is cut into G pieces, and memory holds for each piece its N rows together: (G, N·Width).
/// </param>
internal sealed record AdapterTensor(string Name, Shape Shape, bool Decays = true, int Width = 0)
{
    public Shape MemoryShape => Width == 0 ? Shape : new Shape(Shape[1] / Width, Shape[0] * Width);

    /// <summary>The values of a regrouped tensor from the order of the file to that of memory.</summary>
    public float[] ToMemory(ReadOnlySpan<float> values) => Move(values, (int)Shape[0], (int)(Shape[1] / Width));

    /// <summary>And back.</summary>
    public float[] ToFile(ReadOnlySpan<float> values) => Move(values, (int)(Shape[1] / Width), (int)Shape[0]);

    /// <summary>Exchanges the first two axes of (outer, inner, Width).</summary>
    private float[] Move(ReadOnlySpan<float> values, int outer, int inner)
    {
        float[] moved = new float[values.Length];
        for (int i = 0; i < outer; i++)
        {
            for (int j = 0; j < inner; j++)
            {
                values.Slice((i * inner + j) * Width, Width).CopyTo(moved.AsSpan((j * outer + i) * Width));
            }
        }

        return moved;
    }
}
