using System.Buffers;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// DoRA (Liu et al. 2024): the rows of V = W + s·B·A are given the lengths of a trained vector m: y = (m/‖V‖)·(V·x̃) + W·(x − x̃) + bias, where x̃ = dropout(x)
/// and the norm counts as a constant in the backward pass, as in PEFT. ‖V‖² = ‖W‖² + 2s·⟨W, B·A⟩ + s²·‖B·A‖² through the rank-R factors; ‖W‖² is kept.
/// V·x̃ is computed again in the backward pass instead of being kept.
/// </summary>
public sealed class DoraBranch : LinearBranch
{
    private readonly Backend _backend;
    private readonly LinearLayer _layer;
    private readonly LowRankBranch _lowRank;
    private readonly SharedRows _shared;
    private readonly Tensor _gains;
    private readonly Tensor _inverseNorms;
    private readonly Tensor _dGains;
    private readonly Lazy<Tensor> _ones;
    private readonly Lazy<Tensor> _minusOnes;
    private readonly Lazy<double[]> _squares;
    private bool _hasGains;

    /// <param name="lowRank">A, B and s; owned.</param>
    /// <param name="magnitudes">m (N), F32, the adapter's.</param>
    internal DoraBranch(Backend backend, LinearLayer layer, LowRankBranch lowRank, Tensor magnitudes, Tensor? dMagnitudes, SharedRows shared)
    {
        (_backend, _layer, _lowRank, _shared, Magnitudes, DMagnitudes) = (backend, layer, lowRank, shared, magnitudes, dMagnitudes);
        _gains = backend.Allocate(magnitudes.Shape);
        _inverseNorms = backend.Allocate(magnitudes.Shape);
        _dGains = backend.Allocate(magnitudes.Shape);
        _ones = new(() => Constant(1));
        _minusOnes = new(() => Constant(-1));
        _squares = new(SquaresOfWeight);
        Rows(SharedRows.Outputs, layer.OutFeatures, backend.ActivationType);
        Rows(SharedRows.OutputGradients, layer.OutFeatures, backend.ActivationType);
        if (lowRank.Dropout > 0)
        {
            Rows(SharedRows.Inputs, layer.InFeatures, backend.ActivationType);
            Rows(SharedRows.InputGradients, layer.InFeatures, backend.ActivationType);
        }
    }

    public Tensor Magnitudes { get; }

    /// <summary>Gradient of <see cref="Magnitudes"/>; null where the adapter is frozen.</summary>
    public Tensor? DMagnitudes { get; }

    internal override bool Trains => DMagnitudes is not null;

    internal override long BytesPerToken => _lowRank.BytesPerToken;

    /// <summary>‖W‖ by rows: the magnitudes that a new branch begins with.</summary>
    internal float[] WeightNorms() => [.. _squares.Value.Select(square => (float)Math.Sqrt(square))];

    internal override void Forward(Pass pass, LinearLayer layer, Tensor x, Tensor y, Tensor? addend)
    {
        if (Trains || !_hasGains)
        {
            ComputeGains();
        }

        Dropout dropout = pass.DropoutOf(_lowRank.Dropout, layer.Index);
        Tensor directed = Directed(layer, dropout, x);
        if (!dropout.IsActive)
        {
            _backend.ScaleColumns(directed, _gains, layer.Bias?.Value, addend, y);
            return;
        }

        Tensor rest = Rows(SharedRows.InputGradients, layer.InFeatures, x.Type).Take(x.Shape[0]);
        _backend.ScaleColumns(Dropped(layer, x), _minusOnes.Value, null, addend: x, rest);
        _backend.Linear(rest, layer.Weight.Value, layer.Bias?.Value, null, y, addend);
        _backend.ScaleColumns(directed, _gains, null, addend: y, y);
    }

    internal override void Backward(Pass pass, LinearLayer layer, Tensor dy, Tensor x, Tensor? dx, bool accumulate)
    {
        Dropout dropout = pass.DropoutOf(_lowRank.Dropout, layer.Index);
        Tensor directed = Directed(layer, dropout, x), dDirected = Rows(SharedRows.OutputGradients, layer.OutFeatures, dy.Type).Take(dy.Shape[0]);
        _backend.Zero(_dGains);
        _backend.ScaleColumnsBackward(dy, directed, _gains, dDirected, accumulate: false, Trains ? _dGains : null);
        if (DMagnitudes is not null)
        {
            var row = new Shape(1, layer.OutFeatures);
            Tensor dMagnitudes = DMagnitudes.View(0, row);
            _backend.ScaleColumns(_dGains.View(0, row), _inverseNorms, null, addend: dMagnitudes, dMagnitudes);
        }

        if (layer.Bias?.Gradient is { } dBias)
        {
            _backend.LinearBackward(dy, x, layer.Weight.Value, null, null, accumulate: false, null, dBias);
        }

        if (!dropout.IsActive)
        {
            _backend.LinearBackward(dDirected, x, layer.Weight.Value, _lowRank.Operand(x, default, backward: true), dx, accumulate, null, null);
            return;
        }

        Tensor dropped = Dropped(layer, x);
        LowRank operand = _lowRank.Operand(x, default, backward: true);
        if (dx is null)
        {
            _backend.LinearBackward(dDirected, dropped, layer.Weight.Value, operand, null, accumulate: false, null, null);
            return;
        }

        // dx = dy·W + mask·(dx̃ − dy·W): what was dropped reaches the layer through the base weight alone.
        Tensor through = Rows(SharedRows.InputGradients, layer.InFeatures, x.Type).Take(x.Shape[0]);
        _backend.LinearBackward(dDirected, dropped, layer.Weight.Value, operand, through, accumulate: false, null, null);
        Tensor whole = dropped;
        _backend.LinearBackward(dy, x, layer.Weight.Value, null, whole, accumulate: false, null, null);
        _backend.ScaleColumns(whole, _minusOnes.Value, null, addend: through, through);
        _backend.Drop(through, dropout, through);
        _backend.ScaleColumns(whole, _ones.Value, null, addend: through, through);
        _backend.ScaleColumns(through, _ones.Value, null, addend: accumulate ? dx : null, dx);
    }

    internal override void Merge(Backend backend, Tensor rows, long firstRow)
    {
        _lowRank.Merge(backend, rows, firstRow);
        int columns = (int)rows.Shape.Columns;
        float[] values = new float[rows.Shape.Count], magnitudes = new float[rows.Shape.Rows];
        backend.Read(rows, values);
        backend.Read(Magnitudes, magnitudes, firstRow);
        for (int row = 0; row < magnitudes.Length; row++)
        {
            Span<float> merged = values.AsSpan(row * columns, columns);
            float gain = (float)(magnitudes[row] / Math.Sqrt(SquareOf(merged)));
            foreach (ref float value in merged)
            {
                value *= gain;
            }
        }

        backend.Write(rows, values);
    }

    public override void Dispose()
    {
        _lowRank.Dispose();
        _gains.Dispose();
        _inverseNorms.Dispose();
        _dGains.Dispose();
        foreach (Lazy<Tensor> constant in new[] { _ones, _minusOnes }.Where(constant => constant.IsValueCreated))
        {
            constant.Value.Dispose();
        }
    }

    /// <summary>V·x̃ (T, N). With dropout, x̃ stands in <see cref="Dropped"/> afterwards.</summary>
    private Tensor Directed(LinearLayer layer, Dropout dropout, Tensor x)
    {
        Tensor input = x, directed = Rows(SharedRows.Outputs, layer.OutFeatures, x.Type).Take(x.Shape[0]);
        if (dropout.IsActive)
        {
            input = Dropped(layer, x);
            _backend.Drop(x, dropout, input);
        }

        _backend.Linear(input, layer.Weight.Value, null, _lowRank.Operand(input, default, backward: false), directed);
        return directed;
    }

    private Tensor Dropped(LinearLayer layer, Tensor x) => Rows(SharedRows.Inputs, layer.InFeatures, x.Type).Take(x.Shape[0]);

    private void ComputeGains()
    {
        int outputs = (int)_layer.OutFeatures, rank = _lowRank.Rank;
        Tensor projected = Rows(SharedRows.Outputs, outputs, ElementType.F32).Take(rank);
        Tensor gram = Rows(SharedRows.Products, rank, ElementType.F32).Take(rank);
        _backend.Linear(_lowRank.A, _layer.Weight.Value, null, null, projected);
        _backend.Linear(_lowRank.A, _lowRank.A, null, null, gram);
        float[] pool = ArrayPool<float>.Shared.Rent(3 * outputs * rank), norms = ArrayPool<float>.Shared.Rent(2 * outputs);
        Span<float> p = pool.AsSpan(0, outputs * rank), b = pool.AsSpan(outputs * rank, outputs * rank), bg = pool.AsSpan(2 * outputs * rank, outputs * rank);
        Span<float> gains = norms.AsSpan(0, outputs), inverse = norms.AsSpan(outputs, outputs);
        _backend.Read(projected, p);
        Tensor product = Rows(SharedRows.Inputs, rank, ElementType.F32).Take(outputs);
        _backend.Linear(_lowRank.B, gram, null, null, product);
        _backend.Read(_lowRank.B, b);
        _backend.Read(product, bg);
        _backend.Read(Magnitudes, gains);
        double s = _lowRank.Scale;
        for (int row = 0; row < outputs; row++)
        {
            double square = _squares.Value[row];
            for (int r = 0; r < rank; r++)
            {
                square += b[row * rank + r] * (2 * s * p[r * outputs + row] + s * s * bg[row * rank + r]);
            }

            inverse[row] = (float)(1 / Math.Sqrt(square));
            gains[row] *= inverse[row];
        }

        _backend.Write(_gains, gains);
        _backend.Write(_inverseNorms, inverse);
        ArrayPool<float>.Shared.Return(pool);
        ArrayPool<float>.Shared.Return(norms);
        _hasGains = true;
    }

    private double[] SquaresOfWeight()
    {
        double[] squares = new double[_layer.OutFeatures];
        float[] row = new float[_layer.InFeatures];
        for (int i = 0; i < squares.Length; i++)
        {
            _backend.Read(_layer.Weight.Value, row, (long)i * row.Length);
            squares[i] = SquareOf(row);
        }

        return squares;
    }

    private static double SquareOf(ReadOnlySpan<float> values)
    {
        double square = 0;
        foreach (float value in values)
        {
            square += (double)value * value;
        }

        return square;
    }

    private Tensor Constant(float value)
    {
        Tensor constant = _backend.Allocate(new Shape(_layer.InFeatures));
        _backend.Write(constant, [.. Enumerable.Repeat(value, (int)_layer.InFeatures)]);
        return constant;
    }

    private RowBuffer Rows(int use, long columns, ElementType type) => _shared.Of(use, columns, type);
}
