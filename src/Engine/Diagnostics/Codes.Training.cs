namespace FineTuneTool.Engine.Diagnostics;

public static partial class Codes
{
    public static readonly DiagnosticCode AdapterDoesNotFit = new("FT1001", "The adapter does not fit the base model");
    public static readonly DiagnosticCode NoTargetModules = new("FT1002", "LoraTargetModules matches no layer");
    public static readonly DiagnosticCode LossNotFinite = new("FT1003", "The loss is not a finite number");
    public static readonly DiagnosticCode BadCheckpoint = new("FT1004", "A checkpoint cannot be resumed", Severity.Warning);

    public static readonly DiagnosticCode LogitsNotFinite = new("FT1005", "The model's scores are not numbers");
    public static readonly DiagnosticCode PromptTooLong = new("FT1006", "A prompt does not fit into the model's context");

    public static readonly DiagnosticCode AdapterNotMergeable = new("FT1007", "The adapter cannot become part of a model's weights");

    private static IReadOnlyList<DiagnosticCode> Training => [AdapterDoesNotFit, NoTargetModules, LossNotFinite, BadCheckpoint, LogitsNotFinite, PromptTooLong, AdapterNotMergeable];
}
