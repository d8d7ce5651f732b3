using FineTuneTool.Engine.Kernels;

namespace FineTuneTool.Engine.Backends;

/// <summary>The updates of optimizers.</summary>
public sealed unsafe partial class CpuBackend
{
    private static readonly AdamW8BitKernel EightBit = new();

    public override void AdamW(Tensor values, Tensor gradients, Tensor firstMoment, Tensor secondMoment, AdamWStep step)
    {
        RequireSame(nameof(AdamW), values, gradients);
        RequireSame(nameof(AdamW), values, firstMoment);
        RequireSame(nameof(AdamW), values, secondMoment);
        _pool.Run(Blocks(values.Shape.Count, BlockElements), new AdamWWork
        {
            Kernel = _kernels.AdamW,
            Values = Floats(values),
            Gradients = Floats(gradients),
            First = Floats(firstMoment),
            Second = Floats(secondMoment),
            Count = values.Shape.Count,
            Factors = new AdamWFactors(step.LearningRate, step.Beta1, step.Beta2, step.Epsilon, step.WeightDecay, step.Step),
        });
        Keep(values, gradients, firstMoment, secondMoment);
    }

    public override void AdamW8Bit(
        Tensor values, Tensor gradients, Tensor firstCodes, Tensor firstScales, Tensor secondCodes, Tensor secondScales, AdamWStep step)
    {
        RequireSame(nameof(AdamW8Bit), values, gradients);
        RequireSame(nameof(AdamW8Bit), firstCodes, secondCodes);
        RequireSame(nameof(AdamW8Bit), firstScales, secondScales);
        Require(firstCodes.Shape.Count == values.Shape.Count, nameof(AdamW8Bit), values.Shape, firstCodes.Shape);
        Require(firstScales.Shape.Count == Blocks(values.Shape.Count, AdamW8BitKernel.BlockElements), nameof(AdamW8Bit), values.Shape, firstScales.Shape);
        _pool.Run(Blocks(values.Shape.Count, BlockElements), new AdamW8BitWork
        {
            Kernel = EightBit,
            Values = Floats(values),
            Gradients = Floats(gradients),
            FirstCodes = ((CpuTensor)firstCodes).Codes,
            FirstScales = Floats(firstScales),
            SecondCodes = ((CpuTensor)secondCodes).Codes,
            SecondScales = Floats(secondScales),
            Count = values.Shape.Count,
            Factors = new AdamW8BitFactors(step.LearningRate, step.Beta1, step.Beta2, step.Epsilon, step.WeightDecay, step.Step),
        });
        Keep(values, gradients, firstCodes, firstScales, secondCodes, secondScales);
    }

    public override void Sgd(Tensor values, Tensor gradients, Tensor momentum, SgdStep step)
    {
        RequireSame(nameof(Sgd), values, gradients);
        RequireSame(nameof(Sgd), values, momentum);
        _pool.Run(Blocks(values.Shape.Count, BlockElements), new SgdWork
        {
            Values = Floats(values),
            Gradients = Floats(gradients),
            Momentum = Floats(momentum),
            Count = values.Shape.Count,
            Rate = (float)step.LearningRate,
            Decay = (float)step.WeightDecay,
            Kept = step.Step == 1 ? 0 : (float)step.Momentum,
        });
        Keep(values, gradients, momentum);
    }

    public override void Lion(Tensor values, Tensor gradients, Tensor momentum, LionStep step)
    {
        RequireSame(nameof(Lion), values, gradients);
        RequireSame(nameof(Lion), values, momentum);
        _pool.Run(Blocks(values.Shape.Count, BlockElements), new LionWork
        {
            Values = Floats(values),
            Gradients = Floats(gradients),
            Momentum = Floats(momentum),
            Count = values.Shape.Count,
            Rate = (float)step.LearningRate,
            Decay = (float)(1 - step.LearningRate * step.WeightDecay),
            Beta1 = (float)step.Beta1,
            Beta2 = (float)step.Beta2,
        });
        Keep(values, gradients, momentum);
    }

    public override void Adafactor(Tensor values, Tensor gradients, Tensor rowSquares, Tensor? columnSquares, AdafactorStep step)
    {
        RequireSame(nameof(Adafactor), values, gradients);
        bool factored = columnSquares is not null;
        Require(rowSquares.Shape.Count == (factored ? values.Shape.Rows : values.Shape.Count), nameof(Adafactor), values.Shape, rowSquares.Shape);
        Require(columnSquares is null || columnSquares.Shape.Count == values.Shape.Columns, nameof(Adafactor), values.Shape, values.Shape.Columns);
        var kernel = new AdafactorKernel(
            Floats(values), Floats(gradients), Floats(rowSquares), columnSquares is null ? null : Floats(columnSquares),
            factored ? values.Shape.Rows : 1, factored ? values.Shape.Columns : values.Shape.Count, step.LearningRate, step.WeightDecay, step.Step);
        kernel.Update(_pool, _scratch);
        Keep(values, gradients, rowSquares, columnSquares);
    }

    private struct AdamWWork : IWork
    {
        public AdamWKernel Kernel;
        public float* Values, Gradients, First, Second;
        public long Count;
        public AdamWFactors Factors;

        public readonly void Run(int block, int worker)
        {
            long start = (long)block * BlockElements;
            Kernel.Update(Values + start, Gradients + start, First + start, Second + start, BlockLength(start, Count), Factors);
        }
    }

    private struct AdamW8BitWork : IWork
    {
        public AdamW8BitKernel Kernel;
        public float* Values, Gradients, FirstScales, SecondScales;
        public byte* FirstCodes, SecondCodes;
        public long Count;
        public AdamW8BitFactors Factors;

        public readonly void Run(int block, int worker)
        {
            long start = (long)block * BlockElements, scale = start / AdamW8BitKernel.BlockElements;
            Kernel.Update(
                Values + start, Gradients + start, FirstCodes + start, FirstScales + scale, SecondCodes + start, SecondScales + scale,
                BlockLength(start, Count), Factors);
        }
    }

    private struct SgdWork : IWork
    {
        public float* Values, Gradients, Momentum;
        public long Count;
        public float Rate, Decay, Kept;

        public readonly void Run(int block, int worker)
        {
            long start = (long)block * BlockElements, end = start + BlockLength(start, Count);
            for (long i = start; i < end; i++)
            {
                float p = Values[i], m = Kept * Momentum[i] + (Gradients[i] + Decay * p);
                Momentum[i] = m;
                Values[i] = p - Rate * m;
            }
        }
    }

    private struct LionWork : IWork
    {
        public float* Values, Gradients, Momentum;
        public long Count;
        public float Rate, Decay, Beta1, Beta2;

        public readonly void Run(int block, int worker)
        {
            long start = (long)block * BlockElements, end = start + BlockLength(start, Count);
            for (long i = start; i < end; i++)
            {
                float m = Momentum[i], g = Gradients[i], direction = Beta1 * m + (1 - Beta1) * g;
                Values[i] = Values[i] * Decay - (direction > 0 ? Rate : direction < 0 ? -Rate : 0);
                Momentum[i] = Beta2 * m + (1 - Beta2) * g;
            }
        }
    }
}
