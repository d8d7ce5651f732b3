using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FineTuneTool.Engine.Jit;
using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Tensors;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace FineTuneTool.Engine.Speed;

/// <summary>
/// The multiply instruction of the machine's kernels on registers alone: no product can be faster. Enough independent sums are in flight to hide the latency.
/// </summary>
internal static unsafe class RegisterCeiling
{
    /// <summary>Of a piece of work: about a third of a millisecond, so that some runs meet no other process.</summary>
    private const int Steps = 50_000;

    private const int Sums = 24, VectorSums = 12;

    /// <summary>As <see cref="Steps"/>, of <see cref="EmitTiles"/>.</summary>
    private const int TileSteps = 12_000;

    /// <summary>A thread that is called late misses some pieces and nothing else.</summary>
    private const int PiecesPerThread = 4;

    /// <summary>FLOP/s of all threads together, for products of numbers of a type: F32 or BF16.</summary>
    public static double Measure(ElementType type, int threads)
    {
        KernelSet kernels = KernelSet.Choose(Environment.GetEnvironmentVariable("FINETUNE_KERNELS"));
        using var pool = new WorkerPool(threads);
        int pieces = PiecesPerThread * threads;
        return type == ElementType.BF16 && kernels.Pairs is PairKernelAmx
            ? Rate(pool, pieces, new EmittedPiece(EmittedFunction.Emit("ceiling-amx", EmitTiles).Address, TileSteps), 16384.0 * TileEmitter.MaxSums * TileSteps)
            : type == ElementType.BF16 && kernels.Pairs is PairKernelBFloat16 ? Rate(pool, pieces, new EmittedPiece(EmitPairs(), Steps), 64.0 * Sums * Steps)
            : kernels.Product is MicroKernel8x2<Simd512, Vector512<float>> ? Rate(pool, pieces, new VectorPiece<Simd512, Vector512<float>>(), 32.0 * VectorSums * Steps)
            : kernels.Product is MicroKernel4x2<Simd256, Vector256<float>> ? Rate(pool, pieces, new VectorPiece<Simd256, Vector256<float>>(), 16.0 * VectorSums * Steps)
            : Rate(pool, pieces, new VectorPiece<Simd128, Vector128<float>>(), 8.0 * VectorSums * Steps);
    }

    private static double Rate<TWork>(WorkerPool pool, int pieces, TWork work, double flopsOfPiece)
        where TWork : struct, IWork => pieces * flopsOfPiece / Clock.Best(() => pool.Run(pieces, work), 0.5);

    /// <summary>VDPBF16PS: 32 multiply-adds. The argument points to the number of steps.</summary>
    private static nint EmitPairs() => EmittedFunction.Emit("ceiling-bf16", assembler =>
    {
        Label step = assembler.CreateLabel();
        for (int i = 0; i <= Sums; i++)
        {
            assembler.vpxord(Register(i), Register(i), Register(i));
        }

        // Small numbers, not zeros, which a processor may multiply faster.
        assembler.mov(eax, 0x3A803A80);
        assembler.vpbroadcastd(Register(Sums), eax);
        assembler.mov(rax, __[rdi]);
        assembler.Label(ref step);
        for (int i = 0; i < Sums; i++)
        {
            assembler.vdpbf16ps(Register(i), Register(Sums), Register(Sums));
        }

        assembler.dec(rax);
        assembler.jne(step);
    }).Address;

    /// <summary>TDPBF16PS: 8,192 multiply-adds; two by two tiles of sums. The argument points to the number of steps.</summary>
    public static void EmitTiles(Assembler assembler)
    {
        const int Tiles = 2;
        TileConfiguration configuration = TileConfiguration.Of(Tiles, TileConfiguration.MaxRows, Tiles, TileConfiguration.MaxPairs);
        Label after = assembler.CreateLabel(), table = assembler.CreateLabel(), step = assembler.CreateLabel();
        assembler.jmp(after);
        assembler.Label(ref table);
        assembler.db(MemoryMarshal.AsBytes(new ReadOnlySpan<TileConfiguration>(in configuration)).ToArray());
        assembler.db(Enumerable.Repeat((byte[])[0x80, 0x3A], TileConfiguration.MaxRowBytes / sizeof(ushort)).SelectMany(bytes => bytes).ToArray());
        assembler.Label(ref after);
        assembler.lea(rbx, __[table]);
        assembler.ldtilecfg(__[rbx]);
        assembler.xor(ecx, ecx);
        for (int i = 0; i < TileEmitter.MaxSums; i++)
        {
            // Every row is the same line: rows are 0 bytes apart.
            assembler.tilezero(TileEmitter.Tile(i));
            assembler.tileloadd(TileEmitter.Tile(TileEmitter.MaxSums + i), __[rbx + rcx + sizeof(TileConfiguration)]);
        }

        assembler.mov(rax, __[rdi]);
        assembler.Label(ref step);
        for (int i = 0; i < TileEmitter.MaxSums; i++)
        {
            assembler.tdpbf16ps(
                TileEmitter.Tile(i), TileEmitter.Tile(TileEmitter.LeftTile(i / Tiles)), TileEmitter.Tile(TileEmitter.RightTile(i % Tiles, Tiles)));
        }

        assembler.dec(rax);
        assembler.jne(step);
        assembler.tilerelease();
    }

    private static AssemblerRegisterZMM Register(int number) => new((Register)((int)Iced.Intel.Register.ZMM0 + number));

    private readonly struct EmittedPiece(nint address, long steps) : IWork
    {
        public void Run(int block, int worker)
        {
            long count = steps;
            ((delegate* unmanaged<long*, void>)address)(&count);
        }
    }

    private struct VectorPiece<S, V> : IWork
        where S : ISimd<V>
        where V : struct
    {
        private float _sink;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int block, int worker)
        {
            V a = S.Broadcast(1.0001f), b = S.Broadcast(1e-9f);
            V c0 = a, c1 = a, c2 = a, c3 = a, c4 = a, c5 = a, c6 = a, c7 = a, c8 = a, c9 = a, c10 = a, c11 = a;
            for (int i = 0; i < Steps; i++)
            {
                c0 = S.MultiplyAdd(a, b, c0);
                c1 = S.MultiplyAdd(a, b, c1);
                c2 = S.MultiplyAdd(a, b, c2);
                c3 = S.MultiplyAdd(a, b, c3);
                c4 = S.MultiplyAdd(a, b, c4);
                c5 = S.MultiplyAdd(a, b, c5);
                c6 = S.MultiplyAdd(a, b, c6);
                c7 = S.MultiplyAdd(a, b, c7);
                c8 = S.MultiplyAdd(a, b, c8);
                c9 = S.MultiplyAdd(a, b, c9);
                c10 = S.MultiplyAdd(a, b, c10);
                c11 = S.MultiplyAdd(a, b, c11);
            }

            V even = S.Add(S.Add(S.Add(c0, c2), S.Add(c4, c6)), S.Add(c8, c10)), odd = S.Add(S.Add(S.Add(c1, c3), S.Add(c5, c7)), S.Add(c9, c11));
            Volatile.Write(ref _sink, S.Sum(S.Add(even, odd)));
        }
    }
}
