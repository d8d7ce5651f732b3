using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Training.Optimizers;

/// <summary>Neighbouring parameters that an optimizer may treat as one: <paramref name="Count"/> values from <paramref name="Offset"/>.</summary>
public readonly record struct DecayRun(long Offset, long Count, bool Decays)
{
    /// <summary>The fewest runs that cover all parameters, in order.</summary>
    public static IReadOnlyList<DecayRun> Of(ParameterSet parameters)
    {
        List<DecayRun> runs = [];
        foreach (Parameter parameter in parameters.Parameters)
        {
            if (runs.Count > 0 && runs[^1].Decays == parameter.Decays && runs[^1].Offset + runs[^1].Count == parameter.Offset)
            {
                runs[^1] = runs[^1] with { Count = runs[^1].Count + parameter.Shape.Count };
            }
            else
            {
                runs.Add(new DecayRun(parameter.Offset, parameter.Shape.Count, parameter.Decays));
            }
        }

        return runs;
    }
}
