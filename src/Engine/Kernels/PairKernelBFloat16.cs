using System.Runtime.Intrinsics.X86;
using FineTuneTool.Engine.Jit;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// VDPBF16PS: 32 multiply-adds an instruction. A block of rows by 1 to 4 vectors of sums stays in registers over the whole depth; left pairs are broadcast
/// from where they lie, right pairs stream from the panel. 6 × 4, 8 × 3 and 12 × 2 measured 95 to 99 % of the instruction's own ceiling on Zen 5.
/// The instruction flushes denormals and rounds each of its two additions to nearest (Intel SDM, VDPBF16PS).
/// </summary>
internal sealed unsafe class PairKernelBFloat16 : PairKernel
{
    private const int Unroll = 4, MaxRows = 12;

    /// <summary>The place of functions for right rows among those by vectors.</summary>
    private const int RowVectors = 5;

    /// <summary>Rows of a block by vectors of width: 24 sums at most, which leaves room for the vectors of a pair and two broadcasts.</summary>
    private static readonly int[] RowsByVectors = [0, 12, 12, 8, 6];

    /// <summary>Addresses by vectors and rows, emitted on first use.</summary>
    private readonly nint[] _functions = new nint[(RowVectors + 1) * (MaxRows + 1)];

    private readonly Lock _gate = new();

    /// <summary>CPUID leaf 7, subleaf 1, EAX bit 5, where AVX-512 is switched on at all.</summary>
    public static bool IsSupported { get; } =
        Avx512F.IsSupported && Avx512BW.IsSupported && X86Base.CpuId(0, 0).Eax >= 7 && X86Base.CpuId(7, 0).Eax >= 1 && (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0;

    public override bool IsAccelerated => true;

    public override void Multiply(int rows, int width, PanelRun run)
    {
        int vectors = width / Lane, height = RowsByVectors[vectors];
        if (rows >= height)
        {
            long done = rows / height * height;
            run.Blocks = rows / height;
            Call(vectors, height, &run);
            run.Left = (ushort*)((byte*)run.Left + done * run.LeftStep);
            run.Second = (ushort*)((byte*)run.Second + done * run.SecondStep);
            run.Sums = (float*)((byte*)run.Sums + done * run.SumsStep);
        }

        if (rows % height > 0)
        {
            run.Blocks = 1;
            Call(vectors, rows % height, &run);
        }
    }

    public override int RowColumns => PairRowsEmitter.Columns;

    public override void MultiplyRows(int rows, PanelRun run)
    {
        // Equal blocks: 16 rows are 8 and 8, not 12 and 4.
        int blocks = (rows + PairRowsEmitter.MaxRows - 1) / PairRowsEmitter.MaxRows, height = (rows + blocks - 1) / blocks;
        for (int done = 0; done < rows; done += height)
        {
            Call(RowVectors, Math.Min(height, rows - done), &run);
            run.Left = (ushort*)((byte*)run.Left + height * run.LeftStep);
            run.Sums = (float*)((byte*)run.Sums + height * run.SumsStep);
        }
    }

    private void Call(int vectors, int rows, PanelRun* run)
    {
        nint address = Volatile.Read(ref _functions[vectors * (MaxRows + 1) + rows]);
        ((delegate* unmanaged<PanelRun*, void>)(address != 0 ? address : Install(vectors, rows)))(run);
    }

    private nint Install(int vectors, int rows)
    {
        lock (_gate)
        {
            ref nint function = ref _functions[vectors * (MaxRows + 1) + rows];
            if (function == 0)
            {
                EmittedFunction emitted = vectors == RowVectors
                    ? EmittedFunction.Emit($"bf16-rows-{rows}x{RowColumns}", assembler => PairRowsEmitter.Emit(assembler, rows))
                    : EmittedFunction.Emit($"bf16-{rows}x{vectors * Lane}", assembler => Emit(assembler, rows, vectors));
                Volatile.Write(ref function, emitted.Address);
            }

            return function;
        }
    }

    private static void Emit(Assembler a, int rows, int vectors)
    {
        AssemblerRegister64 left = rsi, second = r8, sums = r9, right = r10;
        Label block = a.CreateLabel(), start = a.CreateLabel();
        a.mov(left, __[rdi + 0]);
        a.mov(second, __[rdi + 16]);
        a.mov(sums, __[rdi + 56]);
        a.Label(ref block);
        a.mov(right, __[rdi + 32]);
        a.cmp(__qword_ptr[rdi + 80], 0);
        Label load = a.CreateLabel();
        a.jne(load);
        for (int i = 0; i < rows * vectors; i++)
        {
            a.vpxord(Vector(i), Vector(i), Vector(i));
        }

        a.jmp(start);
        a.Label(ref load);
        ForEachSum(a, rows, vectors, sums, (sum, place) => a.vmovups(sum, place));
        a.Label(ref start);
        EmitSegment(a, rows, vectors, left, right, stepAt: 8, pairsAt: 40);
        EmitSegment(a, rows, vectors, second, right, stepAt: 24, pairsAt: 48);
        ForEachSum(a, rows, vectors, sums, (sum, place) => a.vmovups(place, sum));
        Advance(a, sums, 64, rows);
        Advance(a, left, 8, rows);
        Advance(a, second, 24, rows);
        a.dec(__qword_ptr[rdi + 72]);
        a.jg(block);
    }

    /// <summary>One left operand: whole groups of pairs unrolled, then single pairs.</summary>
    private static void EmitSegment(Assembler a, int rows, int vectors, AssemblerRegister64 left, AssemblerRegister64 right, int stepAt, int pairsAt)
    {
        // Every third row has a register, the two after it are reached by one and two steps.
        AssemblerRegister64[] bases = [rax, rbx, rbp, r14];
        AssemblerRegister64 step = rdx, threeSteps = r12, pairs = r13;
        Label groups = a.CreateLabel(), single = a.CreateLabel(), singles = a.CreateLabel(), end = a.CreateLabel();
        a.mov(pairs, __[rdi + pairsAt]);
        a.test(pairs, pairs);
        a.je(end);
        a.mov(step, __[rdi + stepAt]);
        a.lea(threeSteps, __[step + step * 2]);
        a.mov(bases[0], left);
        for (int i = 1; i * 3 < rows; i++)
        {
            a.lea(bases[i], __[bases[i - 1] + threeSteps]);
        }

        a.sub(pairs, Unroll);
        a.jl(single);
        a.Label(ref groups);
        EmitPairs(a, rows, vectors, bases, step, right, Unroll);
        a.sub(pairs, Unroll);
        a.jge(groups);
        a.Label(ref single);
        a.add(pairs, Unroll);
        a.je(end);
        a.Label(ref singles);
        EmitPairs(a, rows, vectors, bases, step, right, 1);
        a.dec(pairs);
        a.jne(singles);
        a.Label(ref end);
        a.nop();
    }

    private static void EmitPairs(
        Assembler a, int rows, int vectors, AssemblerRegister64[] bases, AssemblerRegister64 step, AssemblerRegister64 right, int count)
    {
        int firstRight = rows * vectors, firstLeft = firstRight + vectors;
        for (int pair = 0; pair < count; pair++)
        {
            for (int v = 0; v < vectors; v++)
            {
                a.vmovups(Vector(firstRight + v), __zmmword_ptr[right + (pair * vectors + v) * 64]);
            }

            for (int row = 0; row < rows; row++)
            {
                AssemblerRegister64 start = bases[row / 3];
                AssemblerMemoryOperand place = (row % 3) switch
                {
                    0 => __dword_ptr[start + pair * 4],
                    1 => __dword_ptr[start + step + pair * 4],
                    _ => __dword_ptr[start + step * 2 + pair * 4],
                };
                AssemblerRegisterZMM broadcast = Vector(firstLeft + row % 2);
                a.vpbroadcastd(broadcast, place);
                for (int v = 0; v < vectors; v++)
                {
                    a.vdpbf16ps(Vector(row * vectors + v), Vector(firstRight + v), broadcast);
                }
            }
        }

        a.add(right, count * vectors * 64);
        for (int i = 0; i * 3 < rows; i++)
        {
            a.add(bases[i], count * 4);
        }
    }

    private static void ForEachSum(
        Assembler a, int rows, int vectors, AssemblerRegister64 sums, Action<AssemblerRegisterZMM, AssemblerMemoryOperand> emit)
    {
        a.mov(r11, sums);
        for (int row = 0; row < rows; row++)
        {
            for (int v = 0; v < vectors; v++)
            {
                emit(Vector(row * vectors + v), __zmmword_ptr[r11 + v * 64]);
            }

            a.add(r11, __[rdi + 64]);
        }
    }

    /// <summary>register += rows · the step at that place of the argument.</summary>
    private static void Advance(Assembler a, AssemblerRegister64 register, int stepAt, int rows)
    {
        a.imul(r11, __qword_ptr[rdi + stepAt], rows);
        a.add(register, r11);
    }

    internal static AssemblerRegisterZMM Vector(int number) => new((Register)((int)Register.ZMM0 + number));
}
