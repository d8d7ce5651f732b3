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

    /// <summary>So many rows from that one on.</summary>
    public readonly ScoreRows Part(int row, int count)
    {
        ScoreRows part = this;
        part.Scores += row * ScoresStep;
        part.Place += row;
        part.Rows = count;
        return part;
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

    /// <summary>F32 (rows, Columns): what was summed with the probabilities of earlier blocks, 0 columns if none; brought to the new largest score.</summary>
    public float* Output;

    public int Columns;

    /// <summary>From that row on, a multiple of <see cref="PairKernel.Lane"/>.</summary>
    public readonly SoftmaxState Part(int row)
    {
        SoftmaxState part = this;
        part.Probabilities += row * ProbabilitiesStep;
        part.Largest += row;
        part.Sums += row;
        part.Shrink += row;
        part.Output += row * Columns;
        return part;
    }
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

    /// <summary>Those from that row on, which is even.</summary>
    public readonly ScoreGradients Part(in ScoreRows rows, int row)
    {
        ScoreGradients part = this;
        part.DScores += row * rows.ScoresStep;
        part.LogSumExp += row;
        part.Delta += row;
        part.ProbabilityPairs += row / 2 * rows.Keys;
        part.DScorePairs += row / 2 * rows.Keys;
        part.DScoreRows += row * DScoreRowsStep;
        return part;
    }
}
