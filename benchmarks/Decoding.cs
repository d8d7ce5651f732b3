using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Benchmarks;

/// <summary>The matrix products of one new token of SmolLM2-135M (30 layers and the output head), weights in several storages.</summary>
internal static unsafe class Decoding
{
    private const int Layers = 30, Hidden = 576, Intermediate = 1536, KeyValue = 192, Vocabulary = 49152;

    public static void Run(int threads, string? kernels)
    {
        using CpuBackend backend = CpuBackend.Create(threads, kernels);
        foreach (ElementType type in (ElementType[])[ElementType.Q4_1, ElementType.Q8_0, ElementType.BF16, ElementType.F32])
        {
            (int Outputs, int Inputs)[] shapes =
                [(Hidden, Hidden), (KeyValue, Hidden), (KeyValue, Hidden), (Hidden, Hidden), (Intermediate, Hidden), (Intermediate, Hidden), (Hidden, Intermediate)];
            (int Outputs, int Inputs)[] all = [.. Enumerable.Repeat(shapes, Layers).SelectMany(layer => layer), (Vocabulary, Hidden)];
            long bytes = all.Sum(shape => type.Bytes(shape.Inputs) * shape.Outputs);
            using var memory = new NativeBuffer(bytes);
            new Span<byte>(memory.Pointer, (int)bytes).Fill(0x11);
            var products = new List<(Tensor X, Tensor Weight, Tensor Y)>();
            byte* at = memory.Pointer;
            foreach ((int outputs, int inputs) in all)
            {
                long size = type.Bytes(inputs) * outputs;
                products.Add((backend.Allocate(new Shape(1, inputs)), backend.Load(new StoredTensor("w", type, new Shape(outputs, inputs), at, size, memory)), backend.Allocate(new Shape(1, outputs))));
                at += size;
            }

            double seconds = Measure.BestSeconds(() =>
            {
                foreach ((Tensor x, Tensor weight, Tensor y) in products)
                {
                    backend.Linear(x, weight, null, null, y);
                }
            }, 2);
            Console.WriteLine($"{backend.Name}, {threads} threads, one token, {type}: {1 / seconds:F1} tokens/s, {bytes / seconds / 1e9:F1} GB/s of weights");
        }
    }
}
