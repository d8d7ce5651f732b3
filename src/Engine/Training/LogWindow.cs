using System.Text.Json.Serialization;

namespace FineTuneTool.Engine.Training;

/// <summary>Running sums over the steps since the last logged loss.</summary>
/// <param name="LossSum">Sum of the step losses.</param>
/// <param name="Seconds">Time of the steps alone, without evaluations and checkpoints.</param>
public sealed record LogWindow(double LossSum, long Steps, long Tokens, long SupervisedTokens, long Correct, double Seconds)
{
    public static readonly LogWindow Empty = new(0, 0, 0, 0, 0, 0);

    [JsonIgnore]
    public double? Loss => Steps == 0 ? null : LossSum / Steps;

    [JsonIgnore]
    public double? TokenAccuracy => SupervisedTokens == 0 ? null : (double)Correct / SupervisedTokens;

    [JsonIgnore]
    public double? TokensPerSecond => Seconds > 0 ? Tokens / Seconds : null;

    public LogWindow Add(StepResult result, double seconds) => new(
        LossSum + result.Loss,
        Steps + 1,
        Tokens + result.Tokens,
        SupervisedTokens + result.SupervisedTokens,
        Correct + result.Correct,
        Seconds + seconds);
}
