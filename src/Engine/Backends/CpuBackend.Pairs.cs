using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Backends;

/// <summary>Linear layers whose products are made of BF16 numbers.</summary>
public sealed unsafe partial class CpuBackend
{
    private readonly PairProduct _pairs;
    private readonly ScratchMemory _narrowed = new();
    private readonly ScratchMemory _masked = new();
    private readonly ScratchMemory _turned = new();

    /// <summary>BF16 rows always; F32 rows where the backend multiplies in BF16 and they are more than one token's.</summary>
    private bool UsesPairs(Tensor x) => x.Type == ElementType.BF16 || (ActivationType == ElementType.BF16 && Rows(x) > DotProducts.MaxRows);

    private void PairLinear(Tensor x, Tensor weight, Tensor? bias, LowRank? lowRank, Tensor y, Tensor? addend)
    {
        int tokens = Rows(x), inputs = Columns(x), outputs = Rows(weight);
        ushort* left = x.Type == ElementType.BF16 ? Narrow(x) : Narrowed(x, DropoutMask.None, _narrowed);
        PairTerm main = Pair(left, inputs, inputs, Matrix((CpuTensor)weight), rightTransposed: true), up = default;
        if (lowRank is not null)
        {
            int rank = RequireBranch(lowRank, tokens, inputs, outputs);
            ushort* product = x.Type == ElementType.BF16 ? Narrow(lowRank.Product) : (ushort*)_turned.Floats((tokens * (long)rank + 1) / 2);
            PairTerm down = Pair(Masked(x, left, lowRank.Dropout), inputs, inputs, Matrix((CpuTensor)lowRank.A), rightTransposed: true);
            _pairs.Multiply(new PairTarget { Narrow = product, Step = rank }, tokens, rank, down);
            up = Pair(product, rank, rank, Matrix((CpuTensor)lowRank.B), rightTransposed: true);
            up.Scale = lowRank.Scale;
        }

        var target = new PairTarget { Step = outputs, Bias = bias is null ? null : Floats(bias) };
        if (y.Type == ElementType.BF16)
        {
            target.Narrow = Narrow(y);
            target.Addend = addend is null ? null : Narrow(addend);
        }
        else
        {
            target.Wide = Floats(y);
            target.Accumulate = addend is not null;
            if (addend is not null && !ReferenceEquals(addend, y))
            {
                Copy(addend, y);
            }
        }

        _pairs.Multiply(target, tokens, outputs, main, up);
        Keep(x, weight, bias, lowRank, y, addend);
    }

    private void PairLinearBackward(Tensor dy, Tensor x, Tensor weight, LowRank? lowRank, Tensor? dx, bool accumulate, Tensor? dWeight)
    {
        int tokens = Rows(x), inputs = Columns(x), outputs = Rows(weight);
        if (lowRank is not null)
        {
            PairBranchGradients(dy, x, lowRank, inputNeeded: dx is not null);
        }

        if (dx is not null)
        {
            PairInputGradient(dy, weight, lowRank, dx, accumulate);
        }

        if (dWeight is not null)
        {
            ushort* turned = Turn(Narrow(dy), outputs, tokens, outputs);
            _pairs.Multiply(
                new PairTarget { Wide = Floats(dWeight), Step = inputs, Accumulate = true }, outputs, inputs, Pair(turned, tokens, tokens, Matrix((CpuTensor)x)));
        }
    }

    /// <summary>dProduct = s·dy·B; dB += s·dyᵀ·product, made as its transpose so that dy is read where it lies; dA += dProductᵀ·dropout(x).</summary>
    private void PairBranchGradients(Tensor dy, Tensor x, LowRank lowRank, bool inputNeeded)
    {
        int tokens = Rows(x), inputs = Columns(x), outputs = Columns(dy), rank = RequireBranch(lowRank, tokens, inputs, outputs);
        if (inputNeeded || lowRank.DA is not null)
        {
            Tensor dProduct = lowRank.DProduct ?? throw new ArgumentException($"{nameof(LinearBackward)}: the low-rank branch has no DProduct.");
            RequireSame(nameof(LinearBackward), lowRank.Product, dProduct);
            PairTerm term = Pair(Narrow(dy), outputs, outputs, Matrix((CpuTensor)lowRank.B));
            term.Scale = lowRank.Scale;
            _pairs.Multiply(new PairTarget { Narrow = Narrow(dProduct), Step = rank }, tokens, rank, term);
        }

        if (lowRank.DB is not null)
        {
            RequireSame(nameof(LinearBackward), lowRank.B, lowRank.DB);
            float* transposed = _branch.Floats((long)rank * outputs);
            ushort* turned = Turn(Narrow(lowRank.Product), rank, tokens, rank);
            _pairs.Multiply(new PairTarget { Wide = transposed, Step = outputs }, rank, outputs, Pair(turned, tokens, tokens, Matrix((CpuTensor)dy)));
            _pool.Run(Blocks(outputs, TransposedAddWork.RowsPerBlock), new TransposedAddWork
            {
                Source = transposed,
                Target = Floats(lowRank.DB),
                Factor = lowRank.Scale,
                Rows = outputs,
                Columns = rank,
            });
        }

        if (lowRank.DA is not null)
        {
            RequireSame(nameof(LinearBackward), lowRank.A, lowRank.DA);
            ushort* turned = Turn(Narrow(lowRank.DProduct!), rank, tokens, rank);
            var right = new WeightMatrix((byte*)Masked(x, Narrow(x), lowRank.Dropout), ElementType.BF16, tokens, inputs);
            _pairs.Multiply(new PairTarget { Wide = Floats(lowRank.DA), Step = inputs, Accumulate = true }, rank, inputs, Pair(turned, tokens, tokens, right));
        }
    }

    /// <summary>dx (+)= dy·W + dropout(dProduct·A).</summary>
    private void PairInputGradient(Tensor dy, Tensor weight, LowRank? lowRank, Tensor dx, bool accumulate)
    {
        int tokens = Rows(dy), inputs = Columns(dx), outputs = Columns(dy);
        PairTerm branch = default;
        if (lowRank is not null)
        {
            int rank = Columns(lowRank.Product);
            branch = Pair(Narrow(lowRank.DProduct!), rank, rank, Matrix((CpuTensor)lowRank.A));
            branch.ProductMask = Mask(lowRank.Dropout, inputs);
        }

        PairTerm main = Pair(Narrow(dy), outputs, outputs, Matrix((CpuTensor)weight));
        _pairs.Multiply(new PairTarget { Narrow = Narrow(dx), Step = inputs, Addend = accumulate ? Narrow(dx) : null }, tokens, inputs, main, branch);
    }

    private static PairTerm Pair(ushort* left, long leftStep, int depth, WeightMatrix right, bool rightTransposed = false) => new()
    {
        Left = left,
        LeftStep = leftStep,
        Depth = depth,
        Right = right,
        RightTransposed = rightTransposed,
        Scale = 1,
    };

    private ushort* Masked(Tensor x, ushort* narrow, Dropout dropout) =>
        dropout.IsActive ? Narrowed(x, Mask(dropout, Columns(x)), _masked) : narrow;

    private ushort* Narrowed(Tensor x, DropoutMask mask, ScratchMemory memory)
    {
        ushort* target = (ushort*)memory.Floats((x.Shape.Count + 1) / 2);
        RowBlocks blocks = RowsOf(x, tiles: 1, out int count);
        _pool.Run(count, new NarrowWork
        {
            Blocks = blocks,
            Conversion = _kernels.Conversion,
            Dropout = _kernels.Dropout,
            Mask = mask,
            Source = Numbers(x),
            Target = target,
        });
        return target;
    }

    /// <summary>(columns, rows) of a BF16 matrix (rows, columns), in memory that the next call takes again.</summary>
    private ushort* Turn(ushort* source, long step, int rows, int columns)
    {
        ushort* target = (ushort*)_turned.Floats(((long)rows * columns + 1) / 2);
        _pool.Run(Blocks(rows, TurnWork.RowsPerBlock), new TurnWork { Source = source, SourceStep = step, Target = target, Rows = rows, Columns = columns });
        return target;
    }

    private static ushort* Narrow(Tensor tensor) => ((CpuTensor)tensor).Narrow;
}
