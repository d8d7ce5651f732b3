using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Training;

/// <summary>Where the numbers of a run go: metrics.csv, a TensorBoard file, and events.</summary>
internal sealed class TrainingLog : IDisposable
{
    private readonly MetricsCsv _csv;
    private readonly EventFile _eventFile;
    private readonly IEventSink _events;

    private TrainingLog(MetricsCsv csv, EventFile eventFile, IEventSink events)
    {
        _csv = csv;
        _eventFile = eventFile;
        _events = events;
    }

    /// <summary>Opens the files of a run at <paramref name="state"/>: what a run that was killed wrote after it is cut off.</summary>
    public static TrainingLog Open(string folder, TrainingState state, IEventSink events) => new(
        MetricsCsv.Open(Path.Combine(folder, MetricsCsv.FileName), state.EvaluationPending ? state.Step - 1 : state.Step),
        EventFile.Open(folder, state.EventFileBytes),
        events);

    /// <summary>Writes what is due after the state's step, and returns the state with the logged sums begun anew.</summary>
    public TrainingState Write(TrainingState state, TrainingPlan plan)
    {
        bool logs = plan.LogsAfter(state.Step), evaluated = state.EvalStep == state.Step;
        if (state.EvaluationPending || !(logs || evaluated))
        {
            return state;
        }

        LogWindow? window = logs ? state.Window : null;
        var row = new MetricsRow(
            state.Step,
            state.Epoch,
            window?.Loss,
            evaluated ? state.EvalLoss : null,
            logs ? state.Last?.LearningRate : null,
            logs ? state.Last?.GradNorm : null,
            state.Tokens,
            window?.TokensPerSecond,
            logs ? window?.TokenAccuracy : state.EvalTokenAccuracy);
        _csv.Append(row);
        _eventFile.Write(row, state.EvalTokenAccuracy);
        _events.Emit(new MetricEvent(state.Step, row.Values));
        return state with { Window = logs ? LogWindow.Empty : state.Window, EventFileBytes = _eventFile.Bytes };
    }

    public void Dispose()
    {
        _csv.Dispose();
        _eventFile.Dispose();
    }
}
