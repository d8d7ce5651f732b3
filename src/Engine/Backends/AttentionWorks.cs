using FineTuneTool.Engine.Kernels;

namespace FineTuneTool.Engine.Backends;

/// <summary>All heads of one row.</summary>
internal unsafe struct AttentionRowWork : IWork
{
    public AttentionLayout Layout;
    public float* Query, Key, Value, Output, LogSumExp, Scores;
    public int* Starts;
    public int Documents;
    public long ScoresPerWorker;

    public readonly void Run(int block, int worker)
    {
        int document = 0;
        while (Starts[document + 1] <= block)
        {
            document++;
        }

        long start = Starts[document];
        for (int head = 0; head < Layout.Heads; head++)
        {
            long at = (long)block * Layout.QueryStep + (long)head * Layout.HeadDim;
            long keyAt = start * Layout.KeyStep + (long)(head / Layout.GroupSize) * Layout.HeadDim;
            LogSumExp[(long)block * Layout.Heads + head] = AttentionScalar.ForwardRow(
                Layout, Query + at, Key + keyAt, Value + keyAt, (int)(block - start), Output + at, Scores + worker * ScoresPerWorker);
        }
    }
}

/// <summary>All rows of one document for the query heads of one key and value head, in order.</summary>
internal unsafe struct AttentionBackwardWork : IWork
{
    public AttentionLayout Layout;
    public float* Query, Key, Value, Output, LogSumExp, DOutput, DQuery, DKey, DValue;
    public int* Starts;

    public readonly void Run(int block, int worker)
    {
        int document = block / Layout.KeyValueHeads, group = block % Layout.KeyValueHeads;
        long start = Starts[document], keyAt = start * Layout.KeyStep + (long)group * Layout.HeadDim;
        for (int head = group * Layout.GroupSize; head < (group + 1) * Layout.GroupSize; head++)
        {
            for (long t = start; t < Starts[document + 1]; t++)
            {
                long at = t * Layout.QueryStep + (long)head * Layout.HeadDim;
                AttentionScalar.BackwardRow(
                    Layout, DOutput + at, Query + at, Key + keyAt, Value + keyAt, Output + at, LogSumExp[t * Layout.Heads + head], (int)(t - start),
                    DQuery + at, DKey + keyAt, DValue + keyAt);
            }
        }
    }
}

/// <summary>One head of one new row over the cache.</summary>
internal unsafe struct CachedAttentionWork : IWork
{
    public AttentionLayout Layout;
    public float* Query, Key, Value, Output, Scores;
    public int Past;
    public long ScoresPerWorker;

    public readonly void Run(int block, int worker)
    {
        int row = block / Layout.Heads, head = block % Layout.Heads;
        long at = (long)row * Layout.QueryStep + (long)head * Layout.HeadDim, keyAt = (long)(head / Layout.GroupSize) * Layout.HeadDim;
        AttentionScalar.ForwardRow(Layout, Query + at, Key + keyAt, Value + keyAt, Past + row, Output + at, Scores + worker * ScoresPerWorker);
    }
}
