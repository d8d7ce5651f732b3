namespace FineTuneTool.Engine.Training;

/// <summary>
/// Where a run stands after a step: every number that later metrics and decisions depend on, beside values and optimizer state.
/// Random streams are counter-based and the sampler seeks, so the step alone says where they stand.
/// </summary>
public sealed record TrainingState
{
    /// <summary>Optimizer steps done.</summary>
    public long Step { get; init; }

    public double Epoch { get; init; }

    /// <summary>Tokens read in training.</summary>
    public long Tokens { get; init; }

    public long SupervisedTokens { get; init; }

    /// <summary>The latest step; null before the first.</summary>
    public StepResult? Last { get; init; }

    /// <summary>Sum of all step losses, for the mean of the run.</summary>
    public double LossSum { get; init; }

    /// <summary>What happened since the last logged loss.</summary>
    public LogWindow Window { get; init; } = LogWindow.Empty;

    /// <summary>True where the evaluation that is due after <see cref="Step"/> was cut short and its metrics are not written.</summary>
    public bool EvaluationPending { get; init; }

    /// <summary>Step of the latest evaluation; 0 before the first.</summary>
    public long EvalStep { get; init; }

    public double? EvalLoss { get; init; }

    public double? EvalTokenAccuracy { get; init; }

    /// <summary>Loss of the best evaluation.</summary>
    public double? BestEvalLoss { get; init; }

    /// <summary>Token accuracy of the best evaluation.</summary>
    public double? BestTokenAccuracy { get; init; }

    public long BestStep { get; init; }

    public int EvaluationsWithoutImprovement { get; init; }

    /// <summary>Time spent in steps and evaluations so far, over all runs.</summary>
    public double Seconds { get; init; }

    /// <summary>Length of the TensorBoard file; what follows was written after this state.</summary>
    public long EventFileBytes { get; init; }

    public TrainingState After(StepResult result, double epoch, double seconds) => this with
    {
        Step = Step + 1,
        Epoch = epoch,
        Tokens = Tokens + result.Tokens,
        SupervisedTokens = SupervisedTokens + result.SupervisedTokens,
        Last = result,
        LossSum = LossSum + result.Loss,
        Window = Window.Add(result, seconds),
        Seconds = Seconds + seconds,
    };

    /// <param name="byAccuracy">The better evaluation is the one with the higher token accuracy, else the one with the lower loss.</param>
    public TrainingState Evaluated(double loss, double tokenAccuracy, bool byAccuracy, double seconds)
    {
        bool best = BestEvalLoss is null || (byAccuracy ? tokenAccuracy > BestTokenAccuracy : loss < BestEvalLoss);
        return this with
        {
            EvaluationPending = false,
            Seconds = Seconds + seconds,
            EvalStep = Step,
            EvalLoss = loss,
            EvalTokenAccuracy = tokenAccuracy,
            BestEvalLoss = best ? loss : BestEvalLoss,
            BestTokenAccuracy = best ? tokenAccuracy : BestTokenAccuracy,
            BestStep = best ? Step : BestStep,
            EvaluationsWithoutImprovement = best ? 0 : EvaluationsWithoutImprovement + 1,
        };
    }
}
