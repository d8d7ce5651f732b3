using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Training;

/// <summary>
/// Tells runs apart that must not resume from each other: a checkpoint fits only where going on gives what an uninterrupted run would have given.
/// </summary>
internal static class RunIdentity
{
    /// <param name="inputs">What else decides the result, such as hashes of model and data.</param>
    public static string Of(ParameterSet parameters, TrainingSettings settings, TrainingBatches training, TrainingBatches? validation, string inputs)
    {
        var text = new StringBuilder();
        foreach (Parameter parameter in parameters.Parameters)
        {
            text.Append(parameter.Name).Append(' ').Append(parameter.Shape).Append(parameter.Decays ? " decays\n" : "\n");
        }

        text.Append($"{training.Rows.Count} {training.BatchesPerEpoch} {validation?.Rows.Count ?? 0}\n{inputs}\n");
        // How often and how many checkpoints are kept changes no result.
        text.Append(JsonSerializer.Serialize(settings with { SaveSteps = 0, SaveTotalLimit = 0 }, TrainingJson.Default.TrainingSettings));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
