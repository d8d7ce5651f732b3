using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// IA³ (Liu et al. 2022): a factor on each output of a layer, y = l·(W·x + bias), or on each input, y = W·(l·x) + bias. The tensors belong to the adapter.
/// </summary>
public sealed class ScaleBranch : LinearBranch
{
    private readonly Backend _backend;
    private readonly SharedRows _shared;
    private readonly bool _ofInputs;

    /// <param name="factors">l, F32: as many as outputs, or as inputs where <paramref name="ofInputs"/>.</param>
    internal ScaleBranch(Backend backend, SharedRows shared, Tensor factors, Tensor? dFactors, bool ofInputs)
    {
        (_backend, _shared, Factors, DFactors, _ofInputs) = (backend, shared, factors, dFactors, ofInputs);
        shared.Of(Use, factors.Shape.Count, backend.ActivationType);
        shared.Of(UseOfGradients, factors.Shape.Count, backend.ActivationType);
    }

    public Tensor Factors { get; }

    public Tensor? DFactors { get; }

    internal override bool Trains => DFactors is not null;

    internal override long BytesPerToken => 0;

    internal override bool ChangesBias => !_ofInputs;

    private int Use => _ofInputs ? SharedRows.Inputs : SharedRows.Outputs;

    private int UseOfGradients => _ofInputs ? SharedRows.InputGradients : SharedRows.OutputGradients;

    internal override void Forward(Pass pass, LinearLayer layer, Tensor x, Tensor y, Tensor? addend)
    {
        Tensor rows = Rows(Use, x);
        if (_ofInputs)
        {
            _backend.ScaleColumns(x, Factors, null, null, rows);
            _backend.Linear(rows, layer.Weight.Value, layer.Bias?.Value, null, y, addend);
        }
        else
        {
            _backend.Linear(x, layer.Weight.Value, layer.Bias?.Value, null, rows);
            _backend.ScaleColumns(rows, Factors, null, addend, y);
        }
    }

    internal override void Backward(Pass pass, LinearLayer layer, Tensor dy, Tensor x, Tensor? dx, bool accumulate)
    {
        Tensor rows = Rows(Use, x), dRows = Rows(UseOfGradients, x);
        if (_ofInputs)
        {
            _backend.ScaleColumns(x, Factors, null, null, rows);
            _backend.LinearBackward(dy, rows, layer.Weight.Value, null, dRows, accumulate: false, layer.Weight.Gradient, layer.Bias?.Gradient);
            _backend.ScaleColumnsBackward(dRows, x, Factors, dx, accumulate, DFactors);
        }
        else
        {
            _backend.Linear(x, layer.Weight.Value, layer.Bias?.Value, null, rows);
            _backend.ScaleColumnsBackward(dy, rows, Factors, dRows, accumulate: false, DFactors);
            _backend.LinearBackward(dRows, x, layer.Weight.Value, null, dx, accumulate, layer.Weight.Gradient, layer.Bias?.Gradient);
        }
    }

    internal override void Merge(Backend backend, Tensor rows, long firstRow)
    {
        if (_ofInputs)
        {
            backend.ScaleColumns(rows, Factors, null, null, rows);
            return;
        }

        int columns = (int)rows.Shape.Columns;
        float[] values = new float[rows.Shape.Count], factors = new float[rows.Shape.Rows];
        backend.Read(rows, values);
        backend.Read(Factors, factors, firstRow);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] *= factors[i / columns];
        }

        backend.Write(rows, values);
    }

    internal override void MergeBias(Backend backend, Tensor bias)
    {
        Tensor row = bias.View(0, new Shape(1, bias.Shape.Count));
        backend.ScaleColumns(row, Factors, null, null, row);
    }

    public override void Dispose()
    {
        // The rows are shared, the factors the adapter's.
    }

    private Tensor Rows(int use, Tensor x) => _shared.Of(use, Factors.Shape.Count, x.Type).Take(x.Shape[0]);
}
