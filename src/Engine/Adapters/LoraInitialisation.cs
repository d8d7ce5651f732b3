using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>How the branch of a linear layer begins.</summary>
internal abstract class LoraInitialisation
{
    public static IReadOnlyList<LoraInitialisation> All { get; } =
        [new UniformInitialisation(), new GaussianInitialisation(), new PissaInitialisation(), new OloraInitialisation()];

    /// <summary>The word of the setting LoraInit.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// A and B begin as a part of the weight, which a constant of the branch takes off again: a new adapter changes nothing, and what it learns first is that part.
    /// </summary>
    public virtual bool TakesFromWeight => false;

    public static LoraInitialisation Find(string name) => All.First(initialisation => initialisation.Name == name);

    /// <summary>A (R, K) and B (N, R).</summary>
    public abstract (float[] A, float[] B) Make(Backend backend, LinearLayer linear, int rank, float scale, CounterRandom random);

    protected static float[] Draw(long count, Func<ulong, float> number)
    {
        float[] values = new float[count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = number((ulong)i);
        }

        return values;
    }
}

/// <summary>PEFT's default: A uniform in ±1/√K, B zero.</summary>
internal sealed class UniformInitialisation : LoraInitialisation
{
    public override string Name => "default";

    public override (float[] A, float[] B) Make(Backend backend, LinearLayer linear, int rank, float scale, CounterRandom random)
    {
        float bound = 1 / MathF.Sqrt(linear.InFeatures);
        return (Draw(rank * linear.InFeatures, i => (2 * random.Uniform(i) - 1) * bound), new float[linear.OutFeatures * rank]);
    }
}

/// <summary>A normal with the deviation 1/R, B zero.</summary>
internal sealed class GaussianInitialisation : LoraInitialisation
{
    public override string Name => "gaussian";

    public override (float[] A, float[] B) Make(Backend backend, LinearLayer linear, int rank, float scale, CounterRandom random) =>
        (Draw(rank * linear.InFeatures, i => random.Normal(i) / rank), new float[linear.OutFeatures * rank]);
}
