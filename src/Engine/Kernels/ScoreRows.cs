namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// Rows of attention scores over a block of keys. Row r stands at place Place + r of the block's keys and sees the keys up to its own place,
/// from Place + r − Window + 1 on where there is a window.
/// </summary>
internal unsafe struct ScoreRows
{
    /// <summary>(rows, ScoresStep): query · key. Overwritten.</summary>
    public float* Scores;

    public int ScoresStep;

    /// <summary>Factor of the scores before the cap.</summary>
    public float Scale;

    /// <summary>c·tanh(score/c), 0 = none.</summary>
    public float SoftCap;

    /// <summary>0 = all keys up to the own place.</summary>
    public int Window;

    public int Place;

    public int Rows;

    /// <summary>Keys of the block: a multiple of <see cref="PairKernel.Lane"/>.</summary>
    public int Keys;

    /// <summary>The first key of the block that a row sees.</summary>
    public readonly int First(int row) => Window > 0 ? Math.Clamp(Place + row + 1 - Window, 0, Keys) : 0;

    /// <summary>The key after the last that a row sees.</summary>
    public readonly int End(int row) => Math.Clamp(Place + row + 1, 0, Keys);

    /// <summary>Without the rows before that one.</summary>
    public readonly ScoreRows From(int row)
    {
        ScoreRows rest = this;
        rest.Scores += row * ScoresStep;
        rest.Place += row;
        rest.Rows -= row;
        return rest;
    }
}

/// <summary>Where the forward pass leaves the probabilities of <see cref="ScoreRows"/>, and the state that goes on from block to block.</summary>
internal unsafe struct SoftmaxState
{
    /// <summary>BF16 (rows, ProbabilitiesStep): exp(score − largest), 0 for keys that are not visible.</summary>
    public ushort* Probabilities;

    public int ProbabilitiesStep;

    /// <summary>(rows, padded to <see cref="PairKernel.Lane"/>): the largest score so far, <see cref="ScoreKernel.Hidden"/> before the first block.</summary>
    public float* Largest;

    /// <summary>(rows, padded alike): the sum of the exponentials so far.</summary>
    public float* Sums;

    /// <summary>(rows, padded alike): scratch.</summary>
    public float* Shrink;

    /// <summary>F32 (rows, Columns): what was summed with the probabilities of earlier blocks; brought to the new largest score.</summary>
    public float* Output;

    public int Columns;
}

/// <summary>
/// Operands and results of the backward pass for <see cref="ScoreRows"/>, whose first row is even: probabilities P = exp(score − LogSumExp)
/// and gradients dS = P·(DScores − Delta)·slope of the score, both rounded to BF16. A pair holds the even row in its lower half; missing rows are zero.
/// </summary>
internal unsafe struct ScoreGradients
{
    /// <summary>F32, laid out as the scores: dOutput · value.</summary>
    public float* DScores;

    /// <summary>(rows).</summary>
    public float* LogSumExp, Delta;

    /// <summary>[pair of rows][key], Keys of the block apart.</summary>
    public uint* ProbabilityPairs, DScorePairs;

    /// <summary>BF16 (rows, DScoreRowsStep): dS once more.</summary>
    public ushort* DScoreRows;

    public int DScoreRowsStep;

    /// <summary>Without those of the rows before that one, which is even.</summary>
    public readonly ScoreGradients From(in ScoreRows rows, int row)
    {
        ScoreGradients rest = this;
        rest.DScores += row * rows.ScoresStep;
        rest.LogSumExp += row;
        rest.Delta += row;
        rest.ProbabilityPairs += row / 2 * rows.Keys;
        rest.DScorePairs += row / 2 * rows.Keys;
        rest.DScoreRows += row * DScoreRowsStep;
        return rest;
    }
}
