using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Benchmarks;

/// <summary>Everything but the linear layers, at the shapes of SmolLM2-135M: milliseconds for one call.</summary>
internal static class Layers
{
    private const int Tokens = 1024, Heads = 9, KeyValueHeads = 3, HeadDim = 64, Hidden = 576, Intermediate = 1536, Vocabulary = 49152;

    public static void Run(int threads, string? kernels)
    {
        using CpuBackend backend = CpuBackend.Create(threads, kernels);
        Tensor New(params long[] extents)
        {
            Tensor tensor = backend.Allocate(new Shape(extents));
            var random = new CounterRandom(1, RandomPurpose.Initialisation, (ulong)extents.Length);
            backend.Write(tensor, Enumerable.Range(0, (int)tensor.Shape.Count).Select(i => random.Uniform((ulong)i)).ToArray());
            return tensor;
        }

        void Line(string name, Action action) =>
            Console.WriteLine($"{backend.Name}, {threads} threads, {name}: {1e3 * Measure.BestSeconds(action):F2} ms");

        Attention(backend, threads, HeadDim, 0, 4, 512);
        Attention(backend, threads, HeadDim, 0, 1, 2048);
        Attention(backend, threads, HeadDim, 512, 1, 2048);
        Attention(backend, threads, 2 * HeadDim, 0, 1, 2048);

        Tensor q = New(Tokens, Hidden), o = New(Tokens, Hidden), dq = New(Tokens, Hidden), dOutput = New(Tokens, Hidden);
        Tensor norm = New(Hidden), inverse = New(Tokens);
        Line("norm (1024, 576)", () => backend.RmsNorm(q, norm, 0, 1e-5f, o, inverse));
        Line("norm backward", () => backend.RmsNormBackward(dOutput, q, norm, 0, inverse, dq, null));

        Tensor gate = New(Tokens, Intermediate), up = New(Tokens, Intermediate), y = New(Tokens, Intermediate), dGate = New(Tokens, Intermediate);
        Line("SiLU·up (1024, 1536)", () => backend.GatedActivation(gate, up, Activation.Silu, y));
        Line("SiLU·up backward", () => backend.GatedActivationBackward(y, gate, up, Activation.Silu, dGate, up));

        const int Supervised = 512;
        Tensor hidden = New(Supervised, Hidden), head = New(Vocabulary, Hidden), dHidden = New(Supervised, Hidden);
        int[] targets = [.. Enumerable.Range(0, Supervised)];
        float[] losses = new float[Supervised];
        bool[] correct = new bool[Supervised];
        double seconds = Measure.BestSeconds(() => backend.CrossEntropy(hidden, head, targets, 0, losses, correct, dHidden, null), 3);
        Console.WriteLine($"{backend.Name}, {threads} threads, loss and dHidden of {Supervised} tokens over {Vocabulary}: {1e3 * seconds:F0} ms, {4.0 * Supervised * Hidden * Vocabulary / seconds / 1e9:F0} GFLOP/s");
    }

    /// <summary>Rates count what is visible: 4·headDim operations for each query head and visible key, backward 2.5 times that.</summary>
    private static void Attention(CpuBackend backend, int threads, int headDim, int window, int documents, int length)
    {
        var shape = new AttentionShape(Heads, KeyValueHeads, headDim, 0.125f, window);
        int[] starts = [.. Enumerable.Range(0, documents + 1).Select(document => document * length)];
        double visible = Enumerable.Range(1, length).Sum(keys => (double)(window > 0 ? Math.Min(keys, window) : keys));
        double operations = 4.0 * headDim * Heads * documents * visible;
        foreach (ElementType type in (ElementType[])[ElementType.F32, ElementType.BF16])
        {
            Tensor New(int columns, ElementType elements)
            {
                Tensor tensor = backend.Allocate(new Shape(documents * length, columns), elements);
                var random = new CounterRandom(1, RandomPurpose.Initialisation, (ulong)columns);
                backend.Write(tensor, Enumerable.Range(0, (int)tensor.Shape.Count).Select(i => random.Normal((ulong)i)).ToArray());
                return tensor;
            }

            int queries = Heads * headDim, keys = KeyValueHeads * headDim;
            using Tensor q = New(queries, type), k = New(keys, type), v = New(keys, type), o = New(queries, type), lse = New(Heads, ElementType.F32);
            using Tensor dOutput = New(queries, type), dq = New(queries, type), dk = New(keys, type), dv = New(keys, type);
            double forward = Measure.BestSeconds(() => backend.Attention(q, k, v, shape, starts, o, lse));
            double backward = Measure.BestSeconds(() => backend.AttentionBackward(dOutput, q, k, v, o, lse, shape, starts, dq, dk, dv));
            string name = $"attention {type}, {documents} × {length} tokens, head_dim {headDim}" + (window > 0 ? $", window {window}" : "");
            Console.WriteLine(
                $"{backend.Name}, {threads} threads, {name}: forward {1e3 * forward:F2} ms, {operations / forward / 1e9:F0} GFLOP/s; " +
                $"backward {1e3 * backward:F2} ms, {2.5 * operations / backward / 1e9:F0} GFLOP/s");
        }
    }
}
