namespace FineTuneTool.Engine.Training.Schedules;

/// <summary>Falls from the largest rate to <see cref="LrScheduleSettings.LrEnd"/> along (1 − progress)^power and stays there.</summary>
public sealed class PolynomialSchedule : LrSchedule
{
    public override string Name => "polynomial";

    protected override double Factor(long update, LrScheduleSettings settings)
    {
        if (LinearWarmup(update, settings) is double warmup)
        {
            return warmup;
        }

        double rate = settings.LearningRate, end = settings.LrEnd;
        if (rate <= end)
        {
            return 1;
        }

        if (update > settings.TotalSteps)
        {
            return end / rate;
        }

        double remaining = 1 - Progress(update, settings);
        return ((rate - end) * Math.Pow(remaining, settings.Power) + end) / rate;
    }
}
