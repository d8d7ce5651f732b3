using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// What a model without weights begins with, as Hugging Face's models do: matrices are normal with mean 0 and the deviation
/// <c>initializer_range</c> of config.json, norms are one, biases zero. A number depends on the seed, the tensor's name and its place alone.
/// </summary>
/// <param name="Seed">Seed of the random streams.</param>
/// <param name="Planned">For checks and plans: tensors of zeros, for which nothing is drawn.</param>
public sealed record InitialWeights(ulong Seed, bool Planned = false)
{
    /// <summary>Where config.json does not say otherwise, as in transformers.</summary>
    private const double DefaultDeviation = 0.02;

    /// <summary>Elements that are drawn at the same time.</summary>
    private const int ChunkElements = 1 << 16;

    /// <summary>For a use that needs weights, of a model that has none.</summary>
    internal static FineTuneException Missing(ModelFiles files) => new(
        Codes.NoWeights, $"The model folder '{files.Path}' has a configuration but no weights.",
        "Put model.safetensors, or its shards with their index, beside config.json; or train a model from random weights with FineTuneMethod full.",
        new SourcePosition(files.Path));

    internal Weight Matrix(ModelFiles files, string name, Shape shape, Backend backend)
    {
        float deviation = Deviation(files);
        Tensor tensor = backend.Allocate(shape);
        if (Planned)
        {
            return new Weight(name, tensor);
        }

        var random = new CounterRandom(Seed, RandomPurpose.Initialisation, StreamOf(name));
        float[] chunk = new float[Math.Min(ChunkElements, shape.Count)];
        for (long start = 0; start < shape.Count; start += chunk.Length)
        {
            int count = (int)Math.Min(chunk.Length, shape.Count - start);
            long first = start;
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, backend.Threads) }, i => chunk[i] = deviation * random.Normal((ulong)(first + i)));
            backend.Write(tensor, chunk.AsSpan(0, count), start);
        }

        return new Weight(name, tensor);
    }

    /// <summary>Every element is <paramref name="value"/>.</summary>
    internal static Weight Constant(string name, Shape shape, float value, Backend backend)
    {
        Tensor tensor = backend.Allocate(shape);
        float[] values = new float[shape.Count];
        Array.Fill(values, value);
        backend.Write(tensor, values);
        return new Weight(name, tensor);
    }

    private static float Deviation(ModelFiles files) => files is HuggingFaceModelFiles folder
        ? (float)new ConfigFields(folder.Config, Path.Combine(folder.Path, "config.json")).Positive("initializer_range", DefaultDeviation) : (float)DefaultDeviation;

    /// <summary>A stream for each name: FNV-1a of its letters, so that a tensor begins alike whatever else the model has.</summary>
    private static ulong StreamOf(string name)
    {
        ulong hash = 14695981039346656037;
        foreach (char letter in name)
        {
            hash = (hash ^ letter) * 1099511628211;
        }

        return hash;
    }
}
