using System.Text.Json;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tests.Quantization;
using FineTuneTool.Engine.Training;
using FineTuneTool.Engine.Training.Optimizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Training.Optimizers;

/// <summary>20 recorded steps of torch, transformers and bitsandbytes on a matrix and a vector.</summary>
public class OptimizerGoldenTests
{
    private const string Folder = "goldens/formats/optim";

    private static FourBitGoldens Golden => new("optim32", folder: Path.Combine(Paths.Shared, Folder));

    [SharedTheory(Folder)]
    [InlineData("adamw", "adamw", 1e-6)]
    [InlineData("adamw", "adamw_nowd_b95", 1e-6)]
    [InlineData("paged-adamw", "adamw_bnb32", 1e-6)]
    [InlineData("adamw-8bit", "adamw", 1e-6)]
    [InlineData("sgd", "sgd", 1e-6)]
    [InlineData("sgd", "sgd_momentum", 1e-6)]
    [InlineData("lion", "lion_bnb", 1e-6)]
    [InlineData("adafactor", "adafactor_fixed", 1e-5)]
    public void Steps_are_those_of_the_reference(string optimizer, string name, double tolerance)
    {
        FourBitGoldens golden = Golden;
        JsonElement settings = golden.Json.GetProperty("optimizers").EnumerateArray().Single(item => item.GetProperty("name").GetString() == name).GetProperty("settings");
        int[] keptSteps = [.. golden.Json.GetProperty("kept_steps").EnumerateArray().Select(step => step.GetInt32())];
        using CpuBackend backend = CpuBackend.Create(2);
        using var parameters = new ParameterSet(backend, [("mat", new Shape(33, 40), true), ("vec", new Shape(70), true)]);
        parameters.WriteValues([.. golden.Floats("mat.p0"), .. golden.Floats("vec.p0")]);
        float[] matrix = golden.Floats("mat.grads"), vector = golden.Floats("vec.grads");
        using Optimizer optimized = OptimizerKinds.Find(optimizer).Create(backend, parameters, Settings(settings), new OptimizerMemory(backend));
        for (int step = 1; step <= keptSteps[^1]; step++)
        {
            backend.Write(parameters.Gradients, [.. matrix.AsSpan((step - 1) * 1320, 1320), .. vector.AsSpan((step - 1) * 70, 70)]);
            optimized.Update(settings.GetProperty("lr").GetDouble(), step);
            if (Array.IndexOf(keptSteps, step) is >= 0 and int kept)
            {
                float[] values = new float[1390];
                parameters.ReadValues(values);
                float[] expected = [.. golden.Floats($"{name}.mat.p_after").AsSpan(kept * 1320, 1320), .. golden.Floats($"{name}.vec.p_after").AsSpan(kept * 70, 70)];
                Assert.All(expected.Zip(values), pair => Assert.InRange(pair.Second, pair.First - tolerance, pair.First + tolerance));
            }
        }
    }

    private static TrainingSettings Settings(JsonElement settings)
    {
        double[]? betas = settings.TryGetProperty("betas", out JsonElement pair) ? [.. pair.EnumerateArray().Select(beta => beta.GetDouble())] : null;
        return new TrainingSettings
        {
            AdamBeta1 = betas?[0] ?? (settings.TryGetProperty("momentum", out JsonElement momentum) ? momentum.GetDouble() : 0),
            AdamBeta2 = betas?[1] ?? 0,
            AdamEpsilon = betas is null ? 1e-8 : settings.GetProperty("eps").GetDouble(),
            WeightDecay = settings.GetProperty("weight_decay").GetDouble(),
        };
    }
}
