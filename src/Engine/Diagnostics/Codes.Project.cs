namespace FineTuneTool.Engine.Diagnostics;

public static partial class Codes
{
    public static readonly DiagnosticCode BadSetting = new("FT0001", "A setting has a value that is not allowed");
    public static readonly DiagnosticCode UnknownSetting = new("FT0002", "A property looks like a misspelt setting", Severity.Warning);
    public static readonly DiagnosticCode MissingSetting = new("FT0003", "A required setting is missing");
    public static readonly DiagnosticCode BaseModelMissing = new("FT0004", "The base model is not on this machine");
    public static readonly DiagnosticCode SettingHasNoEffect = new("FT0005", "A setting has no effect with this method");
    public static readonly DiagnosticCode NoTrainingData = new("FT0006", "The project names no training data");
    public static readonly DiagnosticCode QualityGateFailed = new("FT0007", "A quality gate failed");
    public static readonly DiagnosticCode UpstreamMissing = new("FT0008", "A stage that this one needs has not run");
    public static readonly DiagnosticCode ParityFailed = new("FT0009", "An export does not behave like base plus adapter");

    private static IReadOnlyList<DiagnosticCode> Project => [BadSetting, UnknownSetting, MissingSetting, BaseModelMissing, SettingHasNoEffect, NoTrainingData, QualityGateFailed, UpstreamMissing, ParityFailed];
}
