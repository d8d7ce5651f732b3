using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Backends;

public sealed class CpuBackendTests : BackendTest
{
    [Fact]
    public void Unknown_kernels_are_refused_with_the_names_that_exist()
    {
        FineTuneException exception = Assert.Throws<FineTuneException>(() => CpuBackend.Create(1, "sse9"));
        Assert.Equal("FT2003", exception.Diagnostic.Code.Id);
        Assert.Contains("sse9", exception.Message);
        Assert.Contains("portable", exception.Message);
    }

    [Fact]
    public void Kernels_that_this_machine_lacks_are_refused_with_those_it_has()
    {
        foreach (string name in KernelSet.All.Where(set => !set.IsAvailable).Select(set => set.Name))
        {
            FineTuneException exception = Assert.Throws<FineTuneException>(() => CpuBackend.Create(1, name));
            Assert.Equal("FT2003", exception.Diagnostic.Code.Id);
            Assert.Contains($"lacks the instructions of the kernels '{name}'", exception.Message);
            Assert.Contains(string.Join(", ", Available), exception.Message);
        }
    }

    [Fact]
    public void The_best_kernels_are_taken_and_every_core_is_used()
    {
        using CpuBackend backend = CpuBackend.Create();
        Assert.Equal($"cpu/{Environment.GetEnvironmentVariable("FINETUNE_KERNELS") ?? Available.Last()}", backend.Name);
        Assert.Equal(Environment.ProcessorCount, backend.Threads);
    }

    [Theory]
    [InlineData(1L << 40)]
    [InlineData(1L << 62)]
    public void A_tensor_larger_than_the_machine_is_refused(long rows)
    {
        using CpuBackend backend = CpuBackend.Create(1);
        FineTuneException exception = Assert.Throws<FineTuneException>(() => backend.Allocate(new Shape(rows, 64)));
        Assert.Equal("FT2002", exception.Diagnostic.Code.Id);
    }

    [Fact]
    public unsafe void Integers_are_not_weights()
    {
        using CpuBackend backend = CpuBackend.Create(1);
        using var bytes = new NativeBuffer(16);
        var stored = new StoredTensor("ids", ElementType.I32, new Shape(4), bytes.Pointer, 16, bytes);
        Assert.Equal("FT0304", Assert.Throws<FineTuneException>(() => backend.Load(stored)).Diagnostic.Code.Id);
    }

    [Theory]
    [MemberData(nameof(KernelNames))]
    public void Any_number_of_threads_gives_the_same_bits(string kernels)
    {
        float[][] expected = Run(1, kernels);
        foreach (int threads in (int[])[2, 3])
        {
            foreach ((float[] one, float[] several) in expected.Zip(Run(threads, kernels)))
            {
                Assert.Equal(one, several);
            }
        }
    }

    [Theory]
    [InlineData(ElementType.F32)]
    [InlineData(ElementType.BF16)]
    public void Operations_allocate_nothing_on_the_managed_heap_once_warm(ElementType type)
    {
        using CpuBackend backend = CpuBackend.Create(2, activationType: type);
        const int Tokens = 64;
        Tensor x = backend.Allocate(new Shape(Tokens, 32), type), w = backend.Allocate(new Shape(48, 32)), y = backend.Allocate(new Shape(Tokens, 48), type);
        Tensor lse = backend.Allocate(new Shape(Tokens, 4)), norm = backend.Allocate(new Shape(32)), r = backend.Allocate(new Shape(Tokens));
        var shape = new AttentionShape(4, 4, 8, 1);
        int[] starts = [0, 20, Tokens];
        var branch = new LowRank(backend.Allocate(new Shape(4, 32)), backend.Allocate(new Shape(48, 4)), 1, backend.Allocate(new Shape(Tokens, 4), type))
        {
            DA = backend.Allocate(new Shape(4, 32)),
            DB = backend.Allocate(new Shape(48, 4)),
            DProduct = backend.Allocate(new Shape(Tokens, 4), type),
            Dropout = new Dropout(0.1f, 1, 1),
        };
        int[] targets = new int[Tokens];
        float[] losses = new float[Tokens];
        bool[] correct = new bool[Tokens];
        void Step()
        {
            backend.Linear(x, w, null, branch, y);
            backend.LinearBackward(y, x, w, branch, x, false, w, null);
            backend.CrossEntropy(x, w, targets, 0, losses, correct, x, null);
            backend.AdamW(lse, lse, lse, lse, new AdamWStep(1e-3, 0.9, 0.999, 1e-8, 0, 1));
            backend.RmsNorm(x, norm, 0, 1e-5f, x, r);
            backend.Linear(x, w, null, null, y);
            backend.LinearBackward(y, x, w, null, x, false, w, null);
            backend.Attention(x, x, x, shape, starts, x, lse);
            backend.AttentionBackward(x, x, x, x, x, lse, shape, starts, x, x, x);
            backend.SumOfSquares(lse);
        }

        // Long enough for what the runtime itself allocates once and late.
        for (int i = 0; i < 1000; i++)
        {
            Step();
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
        {
            Step();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>One small layer forward and backward: what each operation wrote.</summary>
    private static float[][] Run(int threads, string kernels)
    {
        const int Tokens = 150, Hidden = 96, Rank = 5, Vocabulary = 1500;
        using CpuBackend backend = CpuBackend.Create(threads, kernels);
        Tensor New(ulong stream, params long[] extents) => Tensor(backend, Numbers(new Shape(extents).Count, stream, 0.3f), extents);
        Tensor x = New(1, Tokens, Hidden), w = New(2, Hidden, Hidden), norm = New(3, Hidden), r = New(4, Tokens), y = New(5, Tokens, Hidden);
        Tensor dx = New(6, Tokens, Hidden), dw = New(7, Hidden, Hidden), dNorm = New(8, Hidden), db = New(9, Hidden);
        var branch = new LowRank(New(10, Rank, Hidden), New(11, Hidden, Rank), 2, New(12, Tokens, Rank))
        {
            DA = New(13, Rank, Hidden),
            DB = New(14, Hidden, Rank),
            DProduct = New(15, Tokens, Rank),
            Dropout = new Dropout(0.1f, 4, 2),
        };
        backend.RmsNorm(x, norm, 0, 1e-5f, y, r);
        backend.Linear(y, w, db, branch, x);
        backend.LinearBackward(x, y, w, branch, dx, true, dw, db);
        backend.RmsNormBackward(dx, x, norm, 0, r, y, dNorm);
        var shape = new AttentionShape(6, 2, 16, 0.25f);
        int[] starts = [0, 70, 71, Tokens];
        Tensor key = New(16, Tokens, 32), value = New(17, Tokens, 32), output = New(18, Tokens, Hidden), lse = New(19, Tokens, 6);
        Tensor dKey = New(20, Tokens, 32), dValue = New(21, Tokens, 32), dQuery = New(22, Tokens, Hidden);
        backend.Attention(y, key, value, shape, starts, output, lse);
        backend.AttentionBackward(dx, y, key, value, output, lse, shape, starts, dQuery, dKey, dValue);
        float[] losses = new float[Tokens];
        Tensor head = New(23, Vocabulary, Hidden), dHidden = New(24, Tokens, Hidden), dHead = New(25, Vocabulary, Hidden);
        backend.CrossEntropy(output, head, [.. Enumerable.Range(0, Tokens)], 0, losses, new bool[Tokens], dHidden, dHead);
        float norms = (float)backend.SumOfSquares(dHead);
        return
        [
            losses, [norms], .. new[] { x, y, dx, dw, dNorm, db, branch.Product, branch.DA!, branch.DB!, output, lse, dQuery, dKey, dValue, dHidden, dHead }
                .Select(tensor => Values(backend, tensor)),
        ];
    }
}
