using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// What LoRA adds to one linear layer: y += Scale · (dropout(x)·Aᵀ·Bᵀ + Bias). A (R, K), B (N, R) and Bias (N), F32, belong to the adapter;
/// the branch owns the (T, R) product that the backward pass needs.
/// </summary>
public sealed class LowRankBranch : LinearBranch
{
    private readonly Backend _backend;
    private readonly RowBuffer _product;
    private readonly RowBuffer _dProduct;
    private readonly RowBuffer _wideProduct;
    private readonly SharedRows _shared;

    /// <summary>(N) the layer's bias and the branch's, or the gradient of their sum; null where the branch has none.</summary>
    private Tensor? _sum;

    /// <param name="shared">Rows that the branches of an adapter use in turn: nothing in them outlives a layer's backward pass.</param>
    internal LowRankBranch(
        Backend backend, Tensor a, Tensor b, float scale, SharedRows shared, float dropout = 0, Tensor? dA = null, Tensor? dB = null)
    {
        (_backend, _shared, A, B, Scale, Dropout, DA, DB) = (backend, shared, a, b, scale, dropout, dA, dB);
        _dProduct = shared.Of(SharedRows.Products, a.Shape[0], backend.ActivationType);
        _product = new RowBuffer(backend, a.Shape[0], backend.ActivationType);
        _wideProduct = backend.ActivationType == ElementType.F32 ? _product : new RowBuffer(backend, a.Shape[0], ElementType.F32);
    }

    public Tensor A { get; }

    public Tensor B { get; }

    public float Scale { get; }

    /// <summary>Probability with which an input is dropped in training.</summary>
    public float Dropout { get; }

    /// <summary>Gradient of A; null where the adapter is frozen.</summary>
    public Tensor? DA { get; }

    /// <summary>Gradient of B; null where the adapter is frozen.</summary>
    public Tensor? DB { get; }

    /// <summary>The bias of B; null where it has none.</summary>
    public Tensor? Bias { get; internal init; }

    public Tensor? DBias { get; internal init; }

    /// <summary>A constant (R, K) and (N, R) whose product is added to the weight: what A and B took from it when they began, with the other sign.</summary>
    internal (Tensor A, Tensor B)? Start { get; set; }

    public int Rank => (int)A.Shape[0];

    internal override bool Trains => DA is not null || DB is not null;

    internal override long BytesPerToken => _product.BytesPerRow;

    internal override bool ChangesBias => Bias is not null;

    internal override bool NeedsBias => Bias is not null;

    internal override LinearOperands? Fused(Pass pass, LinearLayer layer, Tensor x, Tensor y) => Start is not null ? null :
        new LinearOperands(layer.Weight.Value, BiasOf(layer), Operand(x, pass.DropoutOf(Dropout, layer.Index), backward: false), y);

    internal override void Forward(Pass pass, LinearLayer layer, Tensor x, Tensor y, Tensor? addend)
    {
        _backend.Linear(x, layer.Weight.Value, BiasOf(layer), Operand(x, pass.DropoutOf(Dropout, layer.Index), backward: false), y, addend);
        if (Start is { } start)
        {
            Tensor product = StartRows(x);
            _backend.Linear(x, start.A, null, null, product);
            _backend.Linear(product, start.B, null, null, y, addend: y);
        }
    }

    internal override void Backward(Pass pass, LinearLayer layer, Tensor dy, Tensor x, Tensor? dx, bool accumulate)
    {
        if (DBias is not null)
        {
            _backend.Zero(_sum ??= _backend.Allocate(Bias!.Shape));
        }

        _backend.LinearBackward(
            dy, x, layer.Weight.Value, Operand(x, pass.DropoutOf(Dropout, layer.Index), backward: true), dx, accumulate, layer.Weight.Gradient,
            DBias is null ? layer.Bias?.Gradient : _sum);
        if (Start is { } start && dx is not null)
        {
            Tensor dProduct = StartRows(x);
            _backend.LinearBackward(dy, dProduct, start.B, null, dProduct, accumulate: false, null, null);
            _backend.LinearBackward(dProduct, x, start.A, null, dx, accumulate: true, null, null);
        }

        if (DBias is not null)
        {
            _backend.Add(DBias, _sum!, Scale);
            if (layer.Bias?.Gradient is { } dBias)
            {
                _backend.Add(dBias, _sum!);
            }
        }
    }

    internal override void Merge(Backend backend, Tensor rows, long firstRow)
    {
        using Tensor delta = backend.Allocate(rows.Shape);
        backend.LinearBackward(B.Rows(firstRow, rows.Shape.Rows), delta, A, null, delta, accumulate: false, null, null);
        backend.Add(rows, delta, Scale);
        if (Start is { } start)
        {
            backend.LinearBackward(start.B.Rows(firstRow, rows.Shape.Rows), delta, start.A, null, delta, accumulate: false, null, null);
            backend.Add(rows, delta);
        }
    }

    internal override void MergeBias(Backend backend, Tensor bias) => backend.Add(bias, Bias!, Scale);

    /// <summary>With G that gradient: dB += s·G·Aᵀ, dA += s·Bᵀ·G.</summary>
    internal override void BackwardMerged(Backend backend, Tensor gradient)
    {
        backend.Scale(gradient, Scale);
        backend.Linear(gradient, A, null, null, DB!, addend: DB);
        backend.LinearBackward(B, gradient, A, null, null, accumulate: false, DA, null);
    }

    internal LowRank Operand(Tensor x, Dropout dropout, bool backward) => new(A, B, Scale, (x.Type == ElementType.F32 ? _wideProduct : _product).Take(x.Shape[0]))
    {
        DA = DA,
        DB = DB,
        DProduct = backward ? _dProduct.Take(x.Shape[0]) : null,
        Dropout = dropout,
    };

    /// <summary>Frees the products; A, B, their gradients and the shared rows are the adapter's.</summary>
    public override void Dispose()
    {
        _product.Dispose();
        _wideProduct.Dispose();
        _sum?.Dispose();
    }

    private Tensor StartRows(Tensor x) => _shared.Of(SharedRows.Starts, A.Shape[0], x.Type).Take(x.Shape[0]);

    private Tensor? BiasOf(LinearLayer layer)
    {
        if (Bias is null)
        {
            return layer.Bias?.Value;
        }

        _sum ??= _backend.Allocate(Bias.Shape);
        if (layer.Bias is null)
        {
            _backend.Zero(_sum);
        }
        else
        {
            _backend.Copy(layer.Bias.Value, _sum);
        }

        _backend.Add(_sum, Bias, Scale);
        return _sum;
    }
}
