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

        var shape = new AttentionShape(Heads, KeyValueHeads, HeadDim, 0.125f);
        Tensor q = New(Tokens, Hidden), k = New(Tokens, KeyValueHeads * HeadDim), v = New(Tokens, KeyValueHeads * HeadDim), o = New(Tokens, Hidden), lse = New(Tokens, Heads);
        Tensor dq = New(Tokens, Hidden), dk = New(Tokens, KeyValueHeads * HeadDim), dv = New(Tokens, KeyValueHeads * HeadDim), dOutput = New(Tokens, Hidden);
        int[] one = [0, Tokens], four = [0, 256, 512, 768, Tokens];
        Line("attention, 1 document of 1024", () => backend.Attention(q, k, v, shape, one, o, lse));
        Line("attention, 4 documents of 256", () => backend.Attention(q, k, v, shape, four, o, lse));
        backend.Attention(q, k, v, shape, one, o, lse);
        Line("attention backward, 1 document of 1024", () => backend.AttentionBackward(dOutput, q, k, v, o, lse, shape, one, dq, dk, dv));

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
}
