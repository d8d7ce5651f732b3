using FineTuneTool.Engine.Jit;
using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Speed;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tests.Jit;
using Iced.Intel;

namespace FineTuneTool.Engine.Tests.Kernels;

/// <summary>The code for tiles, run by a processor that has them or by <see cref="Interpreter"/>, against what the instruction is documented to do and against the plain form.</summary>
public sealed unsafe class PairKernelAmxTests
{
    private const int MaxRows = 40, MaxPairs = 70;

    public static TheoryData<bool> Natively => KernelSet.Amx.IsAvailable ? [false, true] : [false];

    private static PairKernel Kernel(bool natively) => natively ? KernelSet.Amx.Pairs : InterpretedAmx.Set.Pairs;

    [Theory]
    [MemberData(nameof(Natively))]
    public void Sums_are_those_of_the_instruction_bit_for_bit_and_those_of_the_plain_form_nearly(bool natively)
    {
        var random = new Random(1);
        for (int rows = 1; rows <= MaxRows; rows++)
        {
            for (int width = PairKernel.Lane; width <= PairKernel.MaxWidth; width += PairKernel.Lane)
            {
                for (int i = 0; i < 3; i++)
                {
                    var operands = new Operands(rows, width, random.Next(1, MaxPairs + 1), i == 0 ? 0 : random.Next(1, MaxPairs + 1), random.Next(9), random.Next(9), i);
                    Check(Kernel(natively), operands, accumulates: random.Next(2) > 0);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Natively))]
    public void Any_number_of_pairs_will_do(bool natively)
    {
        for (int pairs = 0; pairs <= MaxPairs; pairs++)
        {
            foreach (int second in (int[])[0, 1, 8, 16, 33])
            {
                foreach (bool accumulates in (bool[])[false, true])
                {
                    Check(Kernel(natively), new Operands(19, 48, pairs, second, 1, 3, pairs), accumulates);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Natively))]
    public void A_row_is_the_same_whatever_the_other_rows_and_columns_are(bool natively)
    {
        var operands = new Operands(MaxRows, PairKernel.MaxWidth, 37, 9, 2, 4, 1);
        float[] together = operands.Multiply(Kernel(natively), 0, MaxRows, false);
        for (int first = 0; first < MaxRows; first++)
        {
            foreach (int count in (int[])[1, 2, 15, 16, 17, 31, 32, 33])
            {
                if (first + count <= MaxRows)
                {
                    float[] apart = operands.Multiply(Kernel(natively), first, count, false);
                    Assert.Equal(Bits(together.AsSpan(first * operands.Width, count * operands.Width)), Bits(apart));
                }
            }

            // Rows beside it that are no numbers.
            Operands alone = operands.WithOtherRowsNotNumbers(first);
            Assert.Equal(Bits(together.AsSpan(first * operands.Width, operands.Width)), Bits(alone.Multiply(Kernel(natively), 0, MaxRows, false).AsSpan(first * operands.Width, operands.Width)));
        }

        foreach (int width in (int[])[16, 32, 48])
        {
            float[] narrow = operands.Narrowed(width).Multiply(Kernel(natively), 0, MaxRows, false);
            for (int row = 0; row < MaxRows; row++)
            {
                Assert.Equal(Bits(together.AsSpan(row * operands.Width, width)), Bits(narrow.AsSpan(row * width, width)));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Natively))]
    public void Denormals_are_zero(bool natively)
    {
        uint* panel = stackalloc uint[16];
        float* sums = stackalloc float[16];
        const ushort Denormal = 0x0040, Tiny = 0x1F80, Two = 0x4000;
        foreach ((ushort left, ushort right, float before, float expected) in ((ushort, ushort, float, float)[])
            [(Denormal, Two, 0, 0), (Two, Denormal, 1, 1), (Tiny, Tiny, 0, 0), (Two, Two, float.Epsilon, 8), (0, 0, float.Epsilon, 0), (Two, 0x0080, 0, 4 * 1.17549435e-38f)])
        {
            uint l = left | (uint)left << 16;
            new Span<uint>(panel, 16).Fill(right | (uint)right << 16);
            new Span<float>(sums, 16).Fill(before);
            Kernel(natively).Multiply(1, 16, (ushort*)&l, 2, panel, 1, sums, 16, accumulate: true);
            Assert.All(new Span<float>(sums, 16).ToArray(), sum => Assert.Equal(expected, sum));
        }
    }

    [Fact]
    public void The_ceiling_multiplies_tiles_only()
    {
        const int Steps = 5;
        var interpreter = new Interpreter(EmittedFunction.Assemble(RegisterCeiling.EmitTiles));
        long steps = Steps;
        var memory = new MemoryMap();
        memory.Add(&steps, sizeof(long), writable: false);
        interpreter.Call(&steps, memory);
        Assert.Equal(TileEmitter.MaxSums * Steps, interpreter.Executed[Mnemonic.Tdpbf16ps]);
        Assert.Equal(TileEmitter.MaxSums, interpreter.Executed[Mnemonic.Tileloadd]);
    }

    private static void Check(PairKernel kernel, Operands operands, bool accumulates)
    {
        float[] actual = operands.Multiply(kernel, 0, operands.Rows, accumulates), plain = operands.Multiply(KernelSet.Scalar.Pairs, 0, operands.Rows, accumulates);
        Assert.Equal(Bits(operands.Documented(accumulates)), Bits(actual));
        double bound = 2e-5 * Math.Sqrt(operands.Pairs + operands.SecondPairs + 1) * 4;
        for (int i = 0; i < plain.Length; i++)
        {
            Assert.Equal(plain[i], actual[i], bound);
        }
    }

    private static uint[] Bits(ReadOnlySpan<float> numbers) => System.Runtime.InteropServices.MemoryMarshal.Cast<float, uint>(numbers).ToArray();

    /// <summary>Seeded operands; steps are odd lengths beyond the rows, and what lies between rows is not a number.</summary>
    private sealed class Operands
    {
        private const ushort NotANumber = 0x7FC0;

        private readonly ushort[] _left, _second;
        private readonly uint[] _right;
        private readonly float[] _sums;
        private readonly int _leftStep, _secondStep;

        public Operands(int rows, int width, int pairs, int secondPairs, int gap, int secondGap, int stream)
        {
            (Rows, Width, Pairs, SecondPairs) = (rows, width, pairs, secondPairs);
            (_leftStep, _secondStep) = (2 * pairs + gap, 2 * secondPairs + secondGap);
            var random = new CounterRandom(3, RandomPurpose.Initialisation, (ulong)stream);
            ulong next = 0;
            ushort Number() => BF16Format.Round(random.Normal(next++));
            ushort[] Matrix(int length, int step) => [.. Enumerable.Range(0, rows * step).Select(i => i % step < length ? Number() : NotANumber)];
            _left = Matrix(2 * pairs, _leftStep);
            _second = Matrix(2 * secondPairs, _secondStep);
            _right = [.. Enumerable.Range(0, (pairs + secondPairs) * width).Select(_ => Number() | (uint)Number() << 16)];
            _sums = [.. Enumerable.Range(0, rows * width).Select(_ => random.Normal(next++))];
        }

        private Operands(Operands from, int width, ushort[] left, ushort[] second, uint[] right, float[] sums)
        {
            (Rows, Width, Pairs, SecondPairs, _leftStep, _secondStep) = (from.Rows, width, from.Pairs, from.SecondPairs, from._leftStep, from._secondStep);
            (_left, _second, _right, _sums) = (left, second, right, sums);
        }

        public int Rows { get; }

        public int Width { get; }

        public int Pairs { get; }

        public int SecondPairs { get; }

        public Operands WithOtherRowsNotNumbers(int row) => new(
            this, Width, [.. _left.Select((value, i) => i / _leftStep == row ? value : NotANumber)], [.. _second.Select((value, i) => i / _secondStep == row ? value : NotANumber)], _right, _sums);

        public Operands Narrowed(int width) => new(
            this, width, _left, _second, [.. _right.Where((_, i) => i % Width < width)], [.. _sums.Where((_, i) => i % Width < width)]);

        /// <summary>The sums (count, width) of those rows. What a call overwrites is not a number before.</summary>
        public float[] Multiply(PairKernel kernel, int first, int count, bool accumulates)
        {
            const int Gap = 5;
            int step = Width + Gap;
            float[] sums = [.. Enumerable.Range(0, count * step).Select(i => accumulates && i % step < Width ? _sums[(first + i / step) * Width + i % step] : float.NaN)];
            fixed (ushort* left = _left, second = _second)
            fixed (uint* right = _right)
            fixed (float* target = sums)
            {
                kernel.Multiply(count, Width, new PanelRun
                {
                    Left = left + first * _leftStep,
                    LeftStep = _leftStep * sizeof(ushort),
                    Second = second + first * _secondStep,
                    SecondStep = _secondStep * sizeof(ushort),
                    Right = right,
                    Pairs = Pairs,
                    SecondPairs = SecondPairs,
                    Sums = target,
                    SumsStep = step * sizeof(float),
                    Accumulate = accumulates ? 1 : 0,
                });
            }

            Assert.All(sums.Where((_, i) => i % step >= Width), between => Assert.True(float.IsNaN(between)));
            return [.. sums.Where((_, i) => i % step < Width)];
        }

        /// <summary>Intel SDM, TDPBF16PS, for every 16 pairs of each left operand.</summary>
        public float[] Documented(bool accumulates)
        {
            float[] sums = accumulates ? [.. _sums] : new float[_sums.Length];
            for (int i = 0; i < sums.Length; i++)
            {
                int row = i / Width, column = i % Width;
                Add(ref sums[i], _left.AsSpan(row * _leftStep, 2 * Pairs), 0, column);
                Add(ref sums[i], _second.AsSpan(row * _secondStep, 2 * SecondPairs), Pairs, column);
            }

            return sums;
        }

        private void Add(ref float sum, ReadOnlySpan<ushort> left, int firstPair, int column)
        {
            const int PairsAtOnce = 16;
            for (int start = 0; start < left.Length / 2; start += PairsAtOnce)
            {
                float even = 0, odd = 0;
                for (int pair = start; pair < Math.Min(start + PairsAtOnce, left.Length / 2); pair++)
                {
                    uint right = _right[(firstPair + pair) * Width + column];
                    even = MathF.FusedMultiplyAdd(BF16Format.Widen(left[2 * pair]), BF16Format.Widen((ushort)right), even);
                    odd = MathF.FusedMultiplyAdd(BF16Format.Widen(left[2 * pair + 1]), BF16Format.Widen((ushort)(right >> 16)), odd);
                }

                sum += even + odd;
            }
        }
    }
}
