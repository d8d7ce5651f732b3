using FineTuneTool.Engine.Kernels;

namespace FineTuneTool.Engine.Backends;

/// <summary>Several linear layers of the same few rows: in generating text, threads then meet once or twice instead of once a layer.</summary>
public sealed unsafe partial class CpuBackend
{
    public override void Linears(Tensor x, params ReadOnlySpan<LinearOperands> layers)
    {
        int tokens = Rows(x), inputs = Columns(x);
        if (!DotsFit(x, layers))
        {
            base.Linears(x, layers);
            return;
        }

        Span<RowProduct> downs = stackalloc RowProduct[DotProducts.MaxProducts], products = stackalloc RowProduct[DotProducts.MaxProducts];
        int branches = 0;
        for (int i = 0; i < layers.Length; i++)
        {
            LinearOperands layer = layers[i];
            int outputs = Rows(layer.Weight);
            RequireLinear(x, layer.Weight, layer.Bias, layer.Y);
            ProductTerm main = Product(Floats(x), inputs, Matrix((CpuTensor)layer.Weight), inputs, rightTransposed: true);
            float* bias = layer.Bias is null ? null : Floats(layer.Bias);
            products[i] = new RowProduct(Floats(layer.Y), outputs, outputs, accumulate: false, bias, [main]);
            if (layer.LowRank is { } lowRank)
            {
                int rank = RequireBranch(lowRank, tokens, inputs, outputs);
                ProductTerm down = Product(Floats(x), inputs, Matrix((CpuTensor)lowRank.A), inputs, rightTransposed: true);
                downs[branches++] = new RowProduct(Floats(lowRank.Product), rank, rank, accumulate: false, null, [down]);
                products[i].Second = Product(Floats(lowRank.Product), rank, Matrix((CpuTensor)lowRank.B), rank, rightTransposed: true);
                products[i].Second.Scale = lowRank.Scale;
                products[i].TermCount = 2;
            }
        }

        _product.Forget();
        if (branches > 0)
        {
            _dots.Multiply(tokens, downs[..branches]);
        }

        _dots.Multiply(tokens, products[..layers.Length]);
        Keep(x);
        foreach (LinearOperands layer in layers)
        {
            Keep(layer.Weight, layer.Bias, layer.LowRank, layer.Y);
        }
    }

    private bool DotsFit(Tensor x, ReadOnlySpan<LinearOperands> layers)
    {
        bool fit = !UsesPairs(x) && x.Shape.Rows is > 0 and <= DotProducts.MaxRows && layers.Length <= DotProducts.MaxProducts;
        foreach (LinearOperands layer in layers)
        {
            fit &= layer.LowRank is not { Dropout.IsActive: true };
        }

        return fit;
    }
}
