using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Training.Optimizers;

/// <summary>Neighbouring parameters that an optimizer may treat as one: <paramref name="Count"/> values from <paramref name="Offset"/>.</summary>
/// <param name="RateFactor">On the learning rate (<see cref="LoraPlus"/>).</param>
public readonly record struct ParameterRun(long Offset, long Count, bool Decays, double RateFactor)
{
    /// <summary>The fewest runs that cover parameters of a set, in order.</summary>
    public static IReadOnlyList<ParameterRun> Of(IEnumerable<Parameter> parameters, TrainingSettings settings)
    {
        List<ParameterRun> runs = [];
        foreach (Parameter parameter in parameters)
        {
            double factor = LoraPlus.RateFactor(parameter, settings);
            if (runs.Count > 0 && runs[^1].Decays == parameter.Decays && runs[^1].RateFactor == factor && runs[^1].Offset + runs[^1].Count == parameter.Offset)
            {
                runs[^1] = runs[^1] with { Count = runs[^1].Count + parameter.Shape.Count };
            }
            else
            {
                runs.Add(new ParameterRun(parameter.Offset, parameter.Shape.Count, parameter.Decays, factor));
            }
        }

        return runs;
    }
}
