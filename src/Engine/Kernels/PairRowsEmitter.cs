using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Up to 12 rows by 32 columns of sums over right rows as they are stored: two rows at a time are loaded and their numbers paired by two permutations.
/// For products over tokens (gradients of A and B), where few left rows would not pay for a panel.
/// </summary>
internal static class PairRowsEmitter
{
    public const int MaxRows = 12, Columns = 32;

    private const int Indices = 24, Loaded = 26, Paired = 28, Broadcasts = 30;

    public static void Emit(Assembler a, int rows)
    {
        AssemblerRegister64 left = rsi, right = r8, sums = r9, rightStep = r10, step = rdx, threeSteps = r12, pairs = r13, ahead = r15;
        AssemblerRegister64[] bases = [rax, rbx, rbp, r14];
        Label load = a.CreateLabel(), loop = a.CreateLabel();
        EmitIndices(a);
        a.mov(left, __[rdi + 0]);
        a.mov(step, __[rdi + 8]);
        a.mov(sums, __[rdi + 56]);
        a.mov(right, __[rdi + 88]);
        a.mov(rightStep, __[rdi + 96]);
        a.mov(pairs, __[rdi + 40]);
        a.mov(ahead, rightStep);
        a.shl(ahead, 4);
        a.lea(threeSteps, __[step + step * 2]);
        a.mov(bases[0], left);
        for (int i = 1; i * 3 < rows; i++)
        {
            a.lea(bases[i], __[bases[i - 1] + threeSteps]);
        }

        a.cmp(__qword_ptr[rdi + 80], 0);
        a.jne(load);
        for (int i = 0; i < 2 * rows; i++)
        {
            a.vpxord(Vector(i), Vector(i), Vector(i));
        }

        a.jmp(loop);
        a.Label(ref load);
        ForEachSum(a, rows, sums, (sum, place) => a.vmovups(sum, place));
        a.Label(ref loop);
        a.vmovdqu64(Vector(Loaded), __zmmword_ptr[right]);
        a.vmovdqu64(Vector(Loaded + 1), __zmmword_ptr[right + rightStep]);
        a.prefetcht0(__byte_ptr[right + ahead]);
        a.add(right, rightStep);
        a.prefetcht0(__byte_ptr[right + ahead]);
        a.add(right, rightStep);
        for (int v = 0; v < 2; v++)
        {
            a.vmovdqa64(Vector(Paired + v), Vector(Indices + v));
            a.vpermi2w(Vector(Paired + v), Vector(Loaded), Vector(Loaded + 1));
        }

        for (int row = 0; row < rows; row++)
        {
            AssemblerRegister64 first = bases[row / 3];
            AssemblerMemoryOperand place = (row % 3) switch
            {
                0 => __dword_ptr[first],
                1 => __dword_ptr[first + step],
                _ => __dword_ptr[first + step * 2],
            };
            AssemblerRegisterZMM broadcast = Vector(Broadcasts + row % 2);
            a.vpbroadcastd(broadcast, place);
            a.vdpbf16ps(Vector(2 * row), Vector(Paired), broadcast);
            a.vdpbf16ps(Vector(2 * row + 1), Vector(Paired + 1), broadcast);
        }

        for (int i = 0; i * 3 < rows; i++)
        {
            a.add(bases[i], 4);
        }

        a.dec(pairs);
        a.jne(loop);
        ForEachSum(a, rows, sums, (sum, place) => a.vmovups(place, sum));
    }

    /// <summary>Word i of the even row beside word i of the odd row, for i = 0 … 15 and 16 … 31: bit 5 of an index chooses the row.</summary>
    private static void EmitIndices(Assembler a)
    {
        Label after = a.CreateLabel(), table = a.CreateLabel();
        a.jmp(after);
        a.Label(ref table);
        a.db(Enumerable.Range(0, 64).SelectMany(i => new[] { (byte)(i / 2 + i % 2 * 32), (byte)0 }).ToArray());
        a.Label(ref after);
        a.lea(r11, __[table]);
        a.vmovdqu64(Vector(Indices), __zmmword_ptr[r11]);
        a.vmovdqu64(Vector(Indices + 1), __zmmword_ptr[r11 + 64]);
    }

    private static void ForEachSum(Assembler a, int rows, AssemblerRegister64 sums, Action<AssemblerRegisterZMM, AssemblerMemoryOperand> emit)
    {
        a.mov(r11, sums);
        for (int row = 0; row < rows; row++)
        {
            emit(Vector(2 * row), __zmmword_ptr[r11]);
            emit(Vector(2 * row + 1), __zmmword_ptr[r11 + 64]);
            a.add(r11, __[rdi + 64]);
        }
    }

    private static AssemblerRegisterZMM Vector(int number) => PairKernelBFloat16.Vector(number);
}
