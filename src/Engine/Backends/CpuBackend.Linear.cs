using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Backends;

/// <summary>Linear layers with their low-rank branch.</summary>
public sealed unsafe partial class CpuBackend
{
    public override void Linear(Tensor x, Tensor weight, Tensor? bias, LowRank? lowRank, Tensor y, Tensor? addend = null)
    {
        int tokens = Rows(x), inputs = Columns(x), outputs = Rows(weight);
        RequireLinear(x, weight, bias, y);
        Require(addend is null || (addend.Shape == y.Shape && addend.Type == y.Type), nameof(Linear), y.Shape, addend?.Shape ?? default);
        if (UsesPairs(x))
        {
            PairLinear(x, weight, bias, lowRank, y, addend);
            return;
        }

        bool accumulate = addend is not null;
        if (accumulate && !ReferenceEquals(addend, y))
        {
            Copy(addend!, y);
        }

        float* biasFloats = bias is null ? null : Floats(bias);
        ProductTerm main = Product(Floats(x), inputs, Matrix((CpuTensor)weight), inputs, rightTransposed: true);
        if (lowRank is null)
        {
            _product.Multiply(Floats(y), outputs, tokens, outputs, accumulate, biasFloats, [main]);
        }
        else
        {
            int rank = RequireBranch(lowRank, tokens, inputs, outputs);
            ProductTerm down = Product(Floats(x), inputs, Matrix((CpuTensor)lowRank.A), inputs, rightTransposed: true);
            down.LeftMask = Mask(lowRank.Dropout, inputs);
            _product.Multiply(Floats(lowRank.Product), rank, tokens, rank, false, null, [down]);
            ProductTerm up = Product(Floats(lowRank.Product), rank, Matrix((CpuTensor)lowRank.B), rank, rightTransposed: true);
            up.Scale = lowRank.Scale;
            main.LeftUnchanged = !lowRank.Dropout.IsActive;
            _product.Multiply(Floats(y), outputs, tokens, outputs, accumulate, biasFloats, [main, up]);
        }

        Keep(x, weight, bias, lowRank, y);
    }

    public override void LinearBackward(
        Tensor dy, Tensor x, Tensor weight, LowRank? lowRank, Tensor? dx, bool accumulate, Tensor? dWeight, Tensor? dBias)
    {
        int tokens = Rows(x), inputs = Columns(x), outputs = Rows(weight);
        Require(weight.Shape.Columns == inputs, nameof(LinearBackward), x.Shape, weight.Shape);
        Require(dy.Shape.Rows == tokens && dy.Shape.Columns == outputs, nameof(LinearBackward), weight.Shape, dy.Shape);
        Require(dx is null || dx.Shape == x.Shape, nameof(LinearBackward), x.Shape, dx?.Shape ?? default);
        Require(dWeight is null || dWeight.Shape == weight.Shape, nameof(LinearBackward), weight.Shape, dWeight?.Shape ?? default);
        Require(dBias is null || dBias.Shape.Count == outputs, nameof(LinearBackward), weight.Shape, dBias?.Shape ?? default);
        if (x.Type == ElementType.BF16)
        {
            PairLinearBackward(dy, x, weight, lowRank, dx, accumulate, dWeight);
        }
        else
        {
            FloatLinearBackward(dy, x, weight, lowRank, dx, accumulate, dWeight);
        }

        if (dBias is not null)
        {
            _pool.Run(Blocks(outputs, ColumnSumWork.ColumnsPerBlock), new ColumnSumWork { Source = Numbers(dy), Rows = tokens, Columns = outputs, Sums = Floats(dBias) });
        }

        Keep(dy, x, weight, lowRank, dx, dWeight);
        Keep(dBias);
    }

    private void FloatLinearBackward(Tensor dy, Tensor x, Tensor weight, LowRank? lowRank, Tensor? dx, bool accumulate, Tensor? dWeight)
    {
        int tokens = Rows(x), inputs = Columns(x), outputs = Rows(weight);
        if (lowRank is not null)
        {
            RequireBranch(lowRank, tokens, inputs, outputs);
            BranchProductGradient(dy, lowRank, dx is not null);
        }

        if (dx is not null)
        {
            InputGradient(dy, weight, lowRank, dx, accumulate);
        }

        if (lowRank is not null)
        {
            BranchWeightGradients(dy, x, lowRank);
        }

        if (dWeight is not null)
        {
            ProductTerm term = Product(Floats(dy), outputs, Matrix((CpuTensor)x), tokens, leftTransposed: true);
            _product.Multiply(Floats(dWeight), inputs, outputs, inputs, true, null, [term]);
        }
    }

    /// <summary>dProduct = s·dy·B, where something needs it.</summary>
    private void BranchProductGradient(Tensor dy, LowRank lowRank, bool inputNeeded)
    {
        if (!inputNeeded && lowRank.DA is null)
        {
            return;
        }

        int rank = Columns(lowRank.Product), outputs = Columns(dy);
        Tensor dProduct = lowRank.DProduct ?? throw new ArgumentException($"{nameof(LinearBackward)}: the low-rank branch has no DProduct.");
        RequireSame(nameof(LinearBackward), lowRank.Product, dProduct);
        _product.Multiply(Floats(dProduct), rank, Rows(dy), rank, false, null, [Product(Floats(dy), outputs, Matrix((CpuTensor)lowRank.B), outputs)]);
        Scale(dProduct, lowRank.Scale);
    }

    /// <summary>dB += s·dyᵀ·product, made as its transpose so that dy is read where it lies; dA += dProductᵀ·dropout(x).</summary>
    private void BranchWeightGradients(Tensor dy, Tensor x, LowRank lowRank)
    {
        int tokens = Rows(x), inputs = Columns(x), outputs = Columns(dy), rank = Columns(lowRank.Product);
        if (lowRank.DB is not null)
        {
            RequireSame(nameof(LinearBackward), lowRank.B, lowRank.DB);
            float* transposed = _branch.Floats((long)rank * outputs);
            ProductTerm term = Product(Floats(lowRank.Product), rank, Matrix((CpuTensor)dy), tokens, leftTransposed: true);
            term.Scale = lowRank.Scale;
            _product.Multiply(transposed, outputs, rank, outputs, false, null, [term]);
            _pool.Run(Blocks(outputs, TransposedAddWork.RowsPerBlock), new TransposedAddWork { Source = transposed, Target = Floats(lowRank.DB), Factor = 1, Rows = outputs, Columns = rank });
        }

        if (lowRank.DA is not null)
        {
            RequireSame(nameof(LinearBackward), lowRank.A, lowRank.DA);
            ProductTerm term = Product(Floats(lowRank.DProduct!), rank, Matrix((CpuTensor)x), tokens, leftTransposed: true);
            term.RightMask = Mask(lowRank.Dropout, inputs);
            _product.Multiply(Floats(lowRank.DA), inputs, rank, inputs, true, null, [term]);
        }
    }

    /// <summary>dx (+)= dy·W + dropout(dProduct·A).</summary>
    private void InputGradient(Tensor dy, Tensor weight, LowRank? lowRank, Tensor dx, bool accumulate)
    {
        int tokens = Rows(dy), inputs = Columns(dx), outputs = Columns(dy);
        ProductTerm main = Product(Floats(dy), outputs, Matrix((CpuTensor)weight), outputs);
        if (lowRank is null)
        {
            _product.Multiply(Floats(dx), inputs, tokens, inputs, accumulate, null, [main]);
            return;
        }

        int rank = Columns(lowRank.Product);
        ProductTerm branch = Product(Floats(lowRank.DProduct!), rank, Matrix((CpuTensor)lowRank.A), rank);
        main.LeftUnchanged = true;
        if (!lowRank.Dropout.IsActive)
        {
            _product.Multiply(Floats(dx), inputs, tokens, inputs, accumulate, null, [main, branch]);
            return;
        }

        _product.Multiply(Floats(dx), inputs, tokens, inputs, accumulate, null, [main]);
        float* masked = _branch.Floats((long)tokens * inputs);
        _product.Multiply(masked, inputs, tokens, inputs, false, null, [branch]);
        _pool.Run(tokens, new MaskedAddWork
        {
            Dropout = _kernels.Dropout,
            VectorMath = _kernels.VectorMath,
            Mask = Mask(lowRank.Dropout, inputs),
            Source = masked,
            Target = Floats(dx),
            Columns = inputs,
        });
    }

    private static ProductTerm Product(
        float* left, long leftStride, WeightMatrix right, int depth, bool leftTransposed = false, bool rightTransposed = false) => new()
        {
            Left = left,
            LeftStride = leftStride,
            LeftTransposed = leftTransposed,
            Right = right,
            RightTransposed = rightTransposed,
            Depth = depth,
            Scale = 1,
        };

    private static DropoutMask Mask(Dropout dropout, int columns) => dropout.IsActive
        ? new DropoutMask(dropout.Probability, new CounterRandom(dropout.Seed, RandomPurpose.Dropout, dropout.Stream), columns)
        : DropoutMask.None;

    private static void RequireLinear(Tensor x, Tensor weight, Tensor? bias, Tensor y)
    {
        Require(weight.Shape.Columns == x.Shape.Columns, nameof(Linear), x.Shape, weight.Shape);
        Require(y.Shape.Rows == x.Shape.Rows && y.Shape.Columns == weight.Shape.Rows, nameof(Linear), weight.Shape, y.Shape);
        Require(bias is null || bias.Shape.Count == weight.Shape.Rows, nameof(Linear), weight.Shape, bias?.Shape ?? default);
    }

    private static int RequireBranch(LowRank lowRank, int tokens, int inputs, int outputs)
    {
        int rank = Rows(lowRank.A);
        Require(lowRank.A.Shape.Columns == inputs, "LowRank.A", lowRank.A.Shape, rank, inputs);
        Require(HasShape(lowRank.B, outputs, rank), "LowRank.B", lowRank.B.Shape, outputs, rank);
        Require(HasShape(lowRank.Product, tokens, rank), "LowRank.Product", lowRank.Product.Shape, tokens, rank);
        return rank;
    }
}
