namespace FineTuneTool.Engine.Kernels;

/// <summary>
/// One query head of one document. Pointers address the head's part of row 0: query and output rows are queryStep floats apart,
/// key and value rows keyStep, log-sum-exps heads.
/// </summary>
internal unsafe struct AttentionHead
{
    public float* Query, Key, Value, Output;

    /// <summary>Null where it is not wanted.</summary>
    public float* LogSumExp;

    /// <summary>Query rows.</summary>
    public int Rows;

    /// <summary>Keys before the first query row: query row r stands at row Past + r of the keys.</summary>
    public int Past;
}

/// <summary>Gradients beside an <see cref="AttentionHead"/>; those of key and value have their own step, as they may be per query head.</summary>
internal unsafe struct AttentionGradient
{
    public float* DOutput, DQuery, DKey, DValue;

    public long DKeyStep;
}
