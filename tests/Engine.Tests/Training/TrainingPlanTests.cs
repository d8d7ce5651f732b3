using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Training;

namespace FineTuneTool.Engine.Tests.Training;

public class TrainingPlanTests
{
    [Fact]
    public void The_last_window_of_an_epoch_may_be_short_and_the_next_epoch_begins_a_new_one()
    {
        var plan = new TrainingPlan(new TrainingSettings { GradientAccumulationSteps = 4, NumEpochs = 2 }, batchesPerEpoch: 10);
        Assert.Equal(6, plan.TotalSteps);
        Assert.Equal(
            [new(0, 0, 4), new(0, 4, 4), new(0, 8, 2), new(1, 0, 4), new(1, 4, 4), new(1, 8, 2)],
            Enumerable.Range(1, 6).Select(step => plan.Window(step)));
        Assert.Equal([0.4, 0.8, 1, 1.4, 1.8, 2], Enumerable.Range(1, 6).Select(step => plan.EpochsAfter(step)));
    }

    [Theory]
    [InlineData(3, 0, 10, 8, 6)]
    [InlineData(0.5, 0, 10, 1, 5)]
    [InlineData(0.01, 0, 10, 1, 1)]
    [InlineData(2.5, 0, 3, 1, 8)]
    [InlineData(3, 7, 10, 8, 7)]
    public void Steps_in_all_follow_epochs_unless_they_are_given(double epochs, int maxSteps, int batches, int accumulation, long expected)
    {
        var settings = new TrainingSettings { NumEpochs = epochs, MaxSteps = maxSteps, GradientAccumulationSteps = accumulation };
        Assert.Equal(expected, new TrainingPlan(settings, batches).TotalSteps);
    }

    [Fact]
    public void Zero_steps_mean_once_an_epoch_and_the_last_step_always_counts()
    {
        var settings = new TrainingSettings { GradientAccumulationSteps = 1, MaxSteps = 11, EvalSteps = 0, SaveSteps = 3, LoggingSteps = 5 };
        var plan = new TrainingPlan(settings, batchesPerEpoch: 4);
        Assert.Equal([4, 8, 11], Steps(plan.EvaluatesAfter));
        Assert.Equal([3, 6, 9, 11], Steps(plan.SavesAfter));
        Assert.Equal([5, 10, 11], Steps(plan.LogsAfter));
    }

    [Fact]
    public void Without_rows_there_is_no_plan()
    {
        FineTuneException exception = Assert.Throws<FineTuneException>(() => new TrainingPlan(new TrainingSettings(), batchesPerEpoch: 0));
        Assert.Equal(Codes.EmptySplit, exception.Diagnostic.Code);
    }

    private static IEnumerable<int> Steps(Func<long, bool> due) => Enumerable.Range(1, 11).Where(step => due(step));
}
