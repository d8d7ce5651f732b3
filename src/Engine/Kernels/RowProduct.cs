using System.Diagnostics.CodeAnalysis;

namespace FineTuneTool.Engine.Kernels;

/// <summary>One product of <see cref="DotProducts"/>: c (rows, Columns; Step floats apart) = or += Σ of the terms + bias where it is not null.</summary>
internal unsafe struct RowProduct
{
    public RowProduct(float* c, long step, int columns, bool accumulate, float* bias, ReadOnlySpan<ProductTerm> terms)
    {
        C = c;
        Step = step;
        Columns = columns;
        Accumulate = accumulate;
        Bias = bias;
        TermCount = terms.Length;
        (First, Second) = (terms[0], terms.Length > 1 ? terms[1] : default);
    }

    public float* C;

    public long Step;

    public int Columns;

    public bool Accumulate;

    public float* Bias;

    /// <summary>1 or 2.</summary>
    public int TermCount;

    public ProductTerm First;

    public ProductTerm Second;

    [UnscopedRef]
    public ref ProductTerm Term(int index) => ref index == 0 ? ref First : ref Second;
}
