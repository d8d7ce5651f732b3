using System.Buffers.Binary;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Data;

/// <summary>
/// Gives each row its part of the data set. A row's side depends only on the seed and on what the row says: it stays when other rows
/// are added, moved or removed, and equal rows never straddle two parts.
/// </summary>
public sealed class DataSplitter(ulong seed, double validationRatio, double testRatio)
{
    /// <summary>Ratios count only for parts that no source is marked for.</summary>
    public static DataSplitter For(IReadOnlyList<DataSource> sources, ulong seed, double validationRatio, double testRatio) => new(
        seed,
        sources.Any(source => source.Split == Split.Validation) ? 0 : validationRatio,
        sources.Any(source => source.Split == Split.Test) ? 0 : testRatio);

    /// <summary>Rows of sources that are not marked are cut into more than one part.</summary>
    public bool Cuts => validationRatio > 0 || testRatio > 0;

    public Split SplitOf(DataSource source, Example example) => SplitOf(source, BinaryPrimitives.ReadUInt64LittleEndian(ExampleContent.Hash(example)));

    /// <param name="content">The first 8 bytes of <see cref="ExampleContent.Hash"/>, little-endian.</param>
    public Split SplitOf(DataSource source, ulong content)
    {
        if (source.Split is Split marked)
        {
            return marked;
        }

        if (!Cuts)
        {
            return Split.Train;
        }

        (uint high, uint low, _, _) = new CounterRandom(seed, RandomPurpose.Split, content).Block(0);
        double share = ((((ulong)high << 32) | low) >> 11) * (1.0 / (1UL << 53));
        return share < testRatio ? Split.Test : share < testRatio + validationRatio ? Split.Validation : Split.Train;
    }
}
