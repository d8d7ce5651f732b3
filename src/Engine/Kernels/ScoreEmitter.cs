using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace FineTuneTool.Engine.Kernels;

/// <summary>The inner loops of <see cref="ScoreBFloat16"/>.</summary>
internal static unsafe class ScoreEmitter
{
    private static readonly AssemblerRegisterZMM Factor = zmm16, Shift = zmm17, OddShift = zmm18, Total = zmm3, Delta = zmm20, OddDelta = zmm21;
    private static readonly AssemblerRegisterZMM Scale = zmm22, LogFactor = zmm23, Order = zmm24;

    /// <summary>Coefficients of <see cref="VectorFunctions{S, V}.Exp2"/>, the highest power first.</summary>
    private static readonly AssemblerRegisterZMM[] Coefficients = [zmm26, zmm27, zmm28, zmm29, zmm30, zmm31];

    public static void EmitLargest(Assembler a) => EmitRows(
        a,
        () => a.vbroadcastss(Total, __dword_ptr[rax]),
        () => a.vmaxps(Total, Total, __zmmword_ptr[rax]),
        (x, y) => a.vmaxps(x, x, y));

    public static void EmitExponentials(Assembler a)
    {
        LoadConstants(a);
        EmitRows(
            a,
            () =>
            {
                a.vbroadcastss(Shift, __dword_ptr[rsi + (int)Marshal.OffsetOf<RowRun>(nameof(RowRun.Value))]);
                a.vpxord(Total, Total, Total);
            },
            () =>
            {
                EmitExponential(a, __zmmword_ptr[rax], Shift, zmm0, zmm1, zmm2);
                a.vaddps(Total, Total, zmm0);
                a.vcvtneps2bf16(ymm0, zmm0);
                a.vmovdqu(__ymmword_ptr[rbx], ymm0);
            },
            (x, y) => a.vaddps(x, x, y));
    }

    /// <summary>For each row of the table: begin, then step for each vector of scores (rax) and probabilities (rbx), then the lanes of Total become Value.</summary>
    private static void EmitRows(Assembler a, Action begin, Action step, Action<AssemblerRegisterZMM, AssemblerRegisterZMM> reduce)
    {
        Label nextRow = a.CreateLabel(), nextVector = a.CreateLabel();
        a.mov(rsi, __[rdi + (int)Marshal.OffsetOf<SoftmaxRun>(nameof(SoftmaxRun.Table))]);
        a.mov(r8, __[rdi + (int)Marshal.OffsetOf<SoftmaxRun>(nameof(SoftmaxRun.Rows))]);
        a.Label(ref nextRow);
        a.mov(rax, __[rsi + (int)Marshal.OffsetOf<RowRun>(nameof(RowRun.Scores))]);
        a.mov(rbx, __[rsi + (int)Marshal.OffsetOf<RowRun>(nameof(RowRun.Probabilities))]);
        a.mov(rcx, __[rsi + (int)Marshal.OffsetOf<RowRun>(nameof(RowRun.Vectors))]);
        begin();
        a.Label(ref nextVector);
        step();
        a.add(rax, 64);
        a.add(rbx, 32);
        a.dec(rcx);
        a.jne(nextVector);
        a.vshuff32x4(zmm0, Total, Total, 0x4E);
        reduce(Total, zmm0);
        a.vshuff32x4(zmm0, Total, Total, 0xB1);
        reduce(Total, zmm0);
        a.vpermilps(zmm0, Total, 0x4E);
        reduce(Total, zmm0);
        a.vpermilps(zmm0, Total, 0xB1);
        reduce(Total, zmm0);
        a.vmovss(__dword_ptr[rsi + (int)Marshal.OffsetOf<RowRun>(nameof(RowRun.Value))], xmm3);
        a.add(rsi, sizeof(RowRun));
        a.dec(r8);
        a.jne(nextRow);
    }

    public static void EmitGradients(Assembler a)
    {
        AssemblerRegister64 scores = rsi, dScores = r8, probabilities = r9, pairs = r10, rows = r11, logSumExp = r12, delta = r13;
        Label nextPair = a.CreateLabel(), nextVector = a.CreateLabel();
        LoadConstants(a);
        int gradients = (int)Marshal.OffsetOf<GradientsRun>(nameof(GradientsRun.Gradients));
        AssemblerMemoryOperand Part(string name) => __[rdi + gradients + (int)Marshal.OffsetOf<ScoreGradients>(name)];
        AssemblerMemoryOperand Field(string name) => __[rdi + (int)Marshal.OffsetOf<GradientsRun>(name)];
        a.mov(scores, __[rdi + (int)Marshal.OffsetOf<GradientsRun>(nameof(GradientsRun.Rows)) + (int)Marshal.OffsetOf<ScoreRows>(nameof(ScoreRows.Scores))]);
        a.mov(dScores, Part(nameof(ScoreGradients.DScores)));
        a.mov(probabilities, Part(nameof(ScoreGradients.ProbabilityPairs)));
        a.mov(pairs, Part(nameof(ScoreGradients.DScorePairs)));
        a.mov(rows, Part(nameof(ScoreGradients.DScoreRows)));
        a.mov(logSumExp, Part(nameof(ScoreGradients.LogSumExp)));
        a.mov(delta, Part(nameof(ScoreGradients.Delta)));
        a.mov(rdx, Field(nameof(GradientsRun.ScoresStep)));
        a.mov(rbp, Field(nameof(GradientsRun.DScoreRowsStep)));
        a.mov(r14, Field(nameof(GradientsRun.Pairs)));
        a.Label(ref nextPair);
        EmitRowConstants(a, logSumExp, delta, 0, Shift, Delta);
        EmitRowConstants(a, logSumExp, delta, sizeof(float), OddShift, OddDelta);
        a.mov(rcx, Field(nameof(GradientsRun.Vectors)));
        a.xor(rax, rax);
        a.lea(rbx, __[rows + rbp]);
        a.Label(ref nextVector);
        EmitExponential(a, __zmmword_ptr[scores + rax * 2], Shift, zmm0, zmm1, zmm2);
        a.lea(r15, __[scores + rdx]);
        EmitExponential(a, __zmmword_ptr[r15 + rax * 2], OddShift, zmm3, zmm4, zmm5);
        a.vcvtne2ps2bf16(zmm6, zmm3, zmm0);
        a.vpermw(zmm6, Order, zmm6);
        a.vmovups(__zmmword_ptr[probabilities], zmm6);
        EmitGradient(a, __zmmword_ptr[dScores + rax * 2], Delta, zmm0, zmm1);
        a.lea(r15, __[dScores + rdx]);
        EmitGradient(a, __zmmword_ptr[r15 + rax * 2], OddDelta, zmm3, zmm4);
        a.vcvtne2ps2bf16(zmm6, zmm3, zmm0);
        a.vmovdqu(__ymmword_ptr[rows + rax], ymm6);
        a.vextracti64x4(__ymmword_ptr[rbx + rax], zmm6, 1);
        a.vpermw(zmm6, Order, zmm6);
        a.vmovups(__zmmword_ptr[pairs], zmm6);
        a.add(rax, 32);
        a.add(probabilities, 64);
        a.add(pairs, 64);
        a.dec(rcx);
        a.jne(nextVector);
        a.lea(scores, __[scores + rdx * 2]);
        a.lea(dScores, __[dScores + rdx * 2]);
        a.lea(rows, __[rows + rbp * 2]);
        a.add(logSumExp, 2 * sizeof(float));
        a.add(delta, 2 * sizeof(float));
        a.dec(r14);
        a.jne(nextPair);
    }

    private static void LoadConstants(Assembler a)
    {
        AssemblerMemoryOperand At(int index) => __dword_ptr[rdi + index * sizeof(float)];
        a.vbroadcastss(Factor, At(0));
        a.vbroadcastss(Scale, At(1));
        a.vbroadcastss(LogFactor, At(2));
        for (int i = 0; i < Coefficients.Length; i++)
        {
            a.vbroadcastss(Coefficients[i], At(3 + i));
        }

        a.vmovups(Order, __zmmword_ptr[rdi + (int)Marshal.OffsetOf<ScoreConstants>(nameof(ScoreConstants.Order))]);
    }

    /// <summary>x = 2^(score·Factor + shift); n and r are overwritten.</summary>
    private static void EmitExponential(
        Assembler a, AssemblerMemoryOperand score, AssemblerRegisterZMM shift, AssemblerRegisterZMM x, AssemblerRegisterZMM n, AssemblerRegisterZMM r)
    {
        a.vmovaps(r, Factor);
        a.vfmadd132ps(r, shift, score);
        a.vrndscaleps(n, r, 8);
        a.vsubps(r, r, n);
        a.vmovaps(x, Coefficients[0]);
        for (int i = 1; i < Coefficients.Length; i++)
        {
            a.vfmadd213ps(x, r, Coefficients[i]);
        }

        a.vscalefps(x, x, n);
    }

    /// <summary>x ·= dScore·Scale − delta, where delta comes with its scale; t is overwritten.</summary>
    private static void EmitGradient(Assembler a, AssemblerMemoryOperand dScore, AssemblerRegisterZMM delta, AssemblerRegisterZMM x, AssemblerRegisterZMM t)
    {
        a.vmovaps(t, Scale);
        a.vfmsub132ps(t, delta, dScore);
        a.vmulps(x, x, t);
    }

    private static void EmitRowConstants(
        Assembler a, AssemblerRegister64 logSumExp, AssemblerRegister64 deltas, int at, AssemblerRegisterZMM shift, AssemblerRegisterZMM delta)
    {
        a.vbroadcastss(shift, __dword_ptr[logSumExp + at]);
        a.vmulps(shift, shift, LogFactor);
        a.vbroadcastss(delta, __dword_ptr[deltas + at]);
        a.vmulps(delta, delta, Scale);
    }
}
