using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// What an adapter adds to one linear layer: y += Scale · (dropout(x)·Aᵀ)·Bᵀ. A (R, K) and B (N, R), F32, belong to the adapter;
/// the branch owns the (T, R) product that the backward pass needs.
/// </summary>
public sealed class LowRankBranch : IDisposable
{
    private readonly RowBuffer _product;
    private readonly RowBuffer _dProduct;
    private readonly RowBuffer _wideProduct;

    /// <param name="dProduct">Rows (T, R) that the branches of one rank use in turn: nothing in them outlives a layer's backward pass.</param>
    internal LowRankBranch(
        Backend backend, Tensor a, Tensor b, float scale, RowBuffer dProduct, float dropout = 0, Tensor? dA = null, Tensor? dB = null)
    {
        (A, B, Scale, Dropout, DA, DB, _dProduct) = (a, b, scale, dropout, dA, dB, dProduct);
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

    public int Rank => (int)A.Shape[0];

    internal bool Trains => DA is not null || DB is not null;

    /// <summary>Bytes of its product for each token of a training step.</summary>
    internal long BytesPerToken => _product.BytesPerRow;

    internal LowRank Operand(Tensor x, Dropout dropout, bool backward) => new(A, B, Scale, (x.Type == ElementType.F32 ? _wideProduct : _product).Take(x.Shape[0]))
    {
        DA = DA,
        DB = DB,
        DProduct = backward ? _dProduct.Take(x.Shape[0]) : null,
        Dropout = dropout,
    };

    /// <summary>Frees the products; A, B, their gradients and the shared rows are the adapter's.</summary>
    public void Dispose()
    {
        _product.Dispose();
        _wideProduct.Dispose();
    }
}
