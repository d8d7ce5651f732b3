using FineTuneTool.Engine.Kernels;

namespace FineTuneTool.Engine.Backends;

/// <summary>What attention over a prefix reads. Keys and values are F32 (Count, KeyStep).</summary>
internal unsafe struct PrefixOperands
{
    public VectorMathKernel Kernel;
    public AttentionLayout Layout;
    public Activations Query, Output;
    public float* Keys, Values, LogSumExp;
    public int* Positions;
    public int Count;

    /// <summary>The first key that a row sees: a window may have moved past some.</summary>
    public readonly int FirstVisible(long row) => Math.Min(Count, Layout.FirstVisible(Positions[row]));

    /// <summary>The score of a query (D) against the prefix's key j of a key head, and the slope of the soft cap there.</summary>
    public readonly float Score(float* query, int keyHead, int j, out float slope)
    {
        float score = Kernel.Dot(query, Key(keyHead, j), Layout.HeadDim) * Layout.Scale;
        slope = 1;
        if (Layout.SoftCap > 0)
        {
            float tanh = MathF.Tanh(score / Layout.SoftCap);
            slope = 1 - tanh * tanh;
            score = Layout.SoftCap * tanh;
        }

        return score;
    }

    public readonly float* Key(int keyHead, int j) => Keys + (long)j * Layout.KeyStep + (long)keyHead * Layout.HeadDim;

    public readonly float* Value(int keyHead, int j) => Values + (long)j * Layout.KeyStep + (long)keyHead * Layout.HeadDim;
}

/// <summary>Joins what rows attended in their documents with what they attend in the prefix, by the logs of both denominators (Dao et al. 2022).</summary>
internal unsafe struct PrefixForwardWork : IWork
{
    public RowBlocks Blocks;
    public PrefixOperands Operands;
    public float* Scores;

    public readonly void Run(int block, int worker)
    {
        AttentionLayout layout = Operands.Layout;
        int columns = Blocks.Columns;
        float* scores = Scores + (long)worker * Operands.Count;
        for (long row = Blocks.First(block); row < Blocks.First(block) + Blocks.Count(block); row++)
        {
            long at = row * columns;
            float* query = Operands.Query.Read(at, columns, Blocks.Tile(worker, 0)), output = Operands.Output.Read(at, columns, Blocks.Tile(worker, 1));
            for (int head = 0; head < layout.Heads; head++)
            {
                Join(query + head * layout.HeadDim, output + head * layout.HeadDim, head / layout.GroupSize, Operands.FirstVisible(row),
                    ref Operands.LogSumExp[row * layout.Heads + head], scores);
            }

            Operands.Output.Write(at, columns, output);
        }
    }

    private readonly void Join(float* query, float* output, int keyHead, int first, ref float logSumExp, float* scores)
    {
        int dim = Operands.Layout.HeadDim;
        float largest = logSumExp;
        for (int j = first; j < Operands.Count; j++)
        {
            scores[j] = Operands.Score(query, keyHead, j, out _);
            largest = MathF.Max(largest, scores[j]);
        }

        float sum = MathF.Exp(logSumExp - largest);
        for (int j = first; j < Operands.Count; j++)
        {
            sum += MathF.Exp(scores[j] - largest);
        }

        float joined = largest + MathF.Log(sum);
        Operands.Kernel.Scale(output, MathF.Exp(logSumExp - joined), dim);
        for (int j = first; j < Operands.Count; j++)
        {
            Operands.Kernel.Add(output, Operands.Value(keyHead, j), MathF.Exp(scores[j] - joined), dim);
        }

        logSumExp = joined;
    }
}

/// <summary>One key head of a part of the rows: gradients of queries in place, those of keys and values as sums of the part. The number of parts depends on rows alone.</summary>
internal unsafe struct PrefixBackwardWork : IWork
{
    public PrefixOperands Operands;
    public Activations DOutput, DQuery;
    public long Rows, RowsPerPart;

    /// <summary>(parts, 2, Count, KeyStep): keys, then values.</summary>
    public float* Sums;

    /// <summary>Four tiles of a group's columns for each thread.</summary>
    public float* Tiles;

    public readonly void Run(int block, int worker)
    {
        AttentionLayout layout = Operands.Layout;
        int keyHead = block % layout.KeyValueHeads, part = block / layout.KeyValueHeads, dim = layout.HeadDim, width = layout.GroupSize * dim;
        float* tiles = Tiles + 4L * worker * width;
        long each = (long)Operands.Count * layout.KeyStep;
        float* dKeys = Sums + 2L * part * each + (long)keyHead * dim, dValues = dKeys + each;
        for (long row = part * RowsPerPart; row < Math.Min(Rows, (part + 1) * RowsPerPart); row++)
        {
            long at = row * layout.QueryStep + (long)keyHead * width;
            float* query = Operands.Query.Read(at, width, tiles), output = Operands.Output.Read(at, width, tiles + width);
            float* dOutput = DOutput.Read(at, width, tiles + 2L * width), dQuery = DQuery.Read(at, width, tiles + 3L * width);
            for (int i = 0; i < layout.GroupSize; i++)
            {
                long head = (long)i * dim;
                float delta = Operands.Kernel.Dot(dOutput + head, output + head, dim);
                float logSumExp = Operands.LogSumExp[row * layout.Heads + keyHead * layout.GroupSize + i];
                for (int j = Operands.FirstVisible(row); j < Operands.Count; j++)
                {
                    float p = MathF.Exp(Operands.Score(query + head, keyHead, j, out float slope) - logSumExp);
                    float dScore = p * (Operands.Kernel.Dot(dOutput + head, Operands.Value(keyHead, j), dim) - delta) * slope * layout.Scale;
                    Operands.Kernel.Add(dQuery + head, Operands.Key(keyHead, j), dScore, dim);
                    Operands.Kernel.Add(dKeys + (long)j * layout.KeyStep, query + head, dScore, dim);
                    Operands.Kernel.Add(dValues + (long)j * layout.KeyStep, dOutput + head, p, dim);
                }
            }

            DQuery.Write(at, width, dQuery);
        }
    }
}
