using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Training.Schedules;

/// <summary>Every schedule by its name in the project file.</summary>
public static class LrSchedules
{
    public static IReadOnlyList<LrSchedule> All { get; } =
    [
        new LinearSchedule(),
        new CosineSchedule(),
        new CosineWithRestartsSchedule(),
        new PolynomialSchedule(),
        new ConstantSchedule(),
        new ConstantWithWarmupSchedule(),
        new InverseSqrtSchedule(),
        new CosineWithMinLrSchedule(),
        new CosineWarmupWithMinLrSchedule(),
        new WarmupStableDecaySchedule(),
    ];

    /// <exception cref="FineTuneException">FT0001: no schedule has this name.</exception>
    public static LrSchedule Find(string name) => All.FirstOrDefault(schedule => schedule.Name == name) ?? throw new FineTuneException(
        Codes.BadSetting, $"There is no LrScheduler {name}.", $"Use one of {string.Join(", ", All.Select(schedule => schedule.Name))}.");
}
