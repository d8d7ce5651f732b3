namespace FineTuneTool.Tasks;

internal enum StopAction
{
    None,
    Ask,
    Kill,
}

/// <summary>What to do with a stage since its build was cancelled: ask it once to end, and end it once the grace period is over.</summary>
internal sealed class StopPlan(TimeSpan grace, TimeProvider time)
{
    private long? _asked;
    private bool _killed;

    public StopAction Next()
    {
        if (_asked is not { } asked)
        {
            _asked = time.GetTimestamp();
            return StopAction.Ask;
        }

        if (_killed || time.GetElapsedTime(asked) < grace)
        {
            return StopAction.None;
        }

        _killed = true;
        return StopAction.Kill;
    }
}
