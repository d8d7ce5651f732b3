using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FineTuneTool.Engine.Kernels;

/// <summary>Constants of emitted loops over scores.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ScoreConstants
{
    public float Factor, Scale, LogFactor;
    public fixed float Coefficients[6];
    public fixed ushort Order[32];

    public static ScoreConstants Of(float scale)
    {
        var constants = new ScoreConstants { Factor = scale * ScoreKernel.Log2E, Scale = scale, LogFactor = -ScoreKernel.Log2E };
        VectorFunctions<Simd512, Vector512<float>>.Exp2Coefficients.CopyTo(new Span<float>(constants.Coefficients, 6));
        for (int i = 0; i < 32; i++)
        {
            constants.Order[i] = (ushort)(i / 2 + i % 2 * 16);
        }

        return constants;
    }
}

/// <summary>The visible vectors of one row.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RowRun
{
    public float* Scores;
    public ushort* Probabilities;
    public long Vectors;

    /// <summary>The largest score, then what shifts the exponents, then the sum of the exponentials.</summary>
    public float Value;
    public int Row;
}

/// <summary>Argument of the loops of the forward pass.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SoftmaxRun
{
    public ScoreConstants Constants;
    public RowRun* Table;
    public long Rows;
}

/// <summary>Argument of the loop of the backward pass.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct GradientsRun
{
    public ScoreConstants Constants;
    public ScoreRows Rows;
    public long Pairs, Vectors, ScoresStep;
    public ScoreGradients Gradients;
    public long DScoreRowsStep;
}
