using System.Globalization;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Protocol;

/// <summary>
/// Turns the texts of a project into checked settings: defaults by method, kinds, limits, allowed words. Every bad value is a diagnostic
/// FT0001 at its place, with what is allowed and the nearest allowed word; all are reported before parsing gives up.
/// </summary>
public static class SettingsParser
{
    /// <exception cref="FineTuneException">The first of the errors, after all were sent to <paramref name="events"/>.</exception>
    public static RunSettings Parse(IReadOnlyDictionary<string, SettingText> texts, IEventSink events)
    {
        var errors = new List<Diagnostic>();
        foreach ((string name, SettingText text) in texts)
        {
            if (SettingTable.Find(name) is null)
            {
                string? nearest = Suggestion.Nearest(name, SettingTable.All.Select(setting => setting.Name));
                errors.Add(new Diagnostic(Codes.BadSetting, $"There is no setting {name}.",
                    nearest is null ? "docs/settings.md lists all settings." : $"Did you mean {nearest}?", Place(text)));
            }
        }

        SettingDefinition methodDefinition = SettingTable.Find(nameof(RunSettings.FineTuneMethod))!;
        string method = Value(methodDefinition, "", texts, errors);
        var values = new Dictionary<string, string>();
        foreach (SettingDefinition setting in SettingTable.All)
        {
            values[setting.Name] = setting == methodDefinition ? method : Value(setting, method, texts, errors);
        }

        CheckTogether(values, texts, errors, events);
        foreach (Diagnostic error in errors.Skip(1))
        {
            events.Report(error);
        }

        return errors.Count == 0 ? new RunSettings(values) : throw new FineTuneException(errors[0]);
    }

    private static string Value(SettingDefinition setting, string method, IReadOnlyDictionary<string, SettingText> texts, List<Diagnostic> errors)
    {
        string fallback = setting.DefaultFor(method);
        if (!texts.TryGetValue(setting.Name, out SettingText? text) || text.Value.Trim().Length == 0)
        {
            return Check(setting, fallback, out _) ?? fallback;
        }

        string? value = Check(setting, text.Value.Trim(), out string? problem);
        if (value is null)
        {
            errors.Add(new Diagnostic(Codes.BadSetting, $"{setting.Name} is \"{text.Value.Trim()}\"", problem!, Place(text)));
        }

        return value ?? fallback;
    }

    /// <summary>The normalised value, or null and what would be right.</summary>
    private static string? Check(SettingDefinition setting, string text, out string? problem)
    {
        problem = null;
        switch (setting.Kind)
        {
            case SettingKind.Choice:
                string? word = setting.Allowed!.FirstOrDefault(allowed => string.Equals(allowed, text, StringComparison.OrdinalIgnoreCase));
                string? nearest = Suggestion.Nearest(text, setting.Allowed!);
                problem = $"but must be one of {string.Join(", ", setting.Allowed!)}.{(nearest is null ? "" : $" Did you mean {nearest}?")}";
                return word;
            case SettingKind.Boolean:
                problem = "but must be true or false.";
                return text.ToLowerInvariant() is "true" or "false" ? text.ToLowerInvariant() : null;
            case SettingKind.Integer:
                problem = $"but must be a whole number{Limits(setting)}, without thousands marks.";
                return SettingNumbers.Integer(text) is long integer && integer >= setting.Minimum && integer <= Math.Min(setting.Maximum, int.MaxValue)
                    ? integer.ToString(CultureInfo.InvariantCulture) : null;
            case SettingKind.Number:
                problem = $"but must be a number{Limits(setting)}, such as 2e-4 or 0.05.";
                return SettingNumbers.Number(text) is double number && number <= setting.Maximum
                    && (setting.MinimumExclusive ? number > setting.Minimum : number >= setting.Minimum)
                    ? SettingNumbers.Normalise(number) : null;
            case SettingKind.Memory:
                problem = "but must be auto or an amount of memory above 0, such as 900MiB or 1.5GiB.";
                return text.Equals("auto", StringComparison.OrdinalIgnoreCase) ? "auto" : SettingNumbers.Bytes(text)?.ToString(CultureInfo.InvariantCulture);
            default:
                return text;
        }
    }

    private static string Limits(SettingDefinition setting)
    {
        string from = double.IsNegativeInfinity(setting.Minimum) ? "" :
            $" {(setting.MinimumExclusive ? "above" : "of at least")} {SettingNumbers.Normalise(setting.Minimum)}";
        return double.IsPositiveInfinity(setting.Maximum) ? from :
            $"{from}{(from.Length > 0 ? " and" : "")} at most {SettingNumbers.Normalise(setting.Maximum)}";
    }

    private static void CheckTogether(
        Dictionary<string, string> values, IReadOnlyDictionary<string, SettingText> texts, List<Diagnostic> errors, IEventSink events)
    {
        if (values["BaseModel"].Length == 0)
        {
            errors.Add(new Diagnostic(Codes.MissingSetting, "The project names no base model.",
                "Set BaseModel to a .gguf file, a Hugging Face folder or a Hub id."));
        }

        if (SettingNumbers.Number(values["ValidationSplitRatio"]) + SettingNumbers.Number(values["TestSplitRatio"]) > 0.95)
        {
            errors.Add(new Diagnostic(Codes.BadSetting, "ValidationSplitRatio and TestSplitRatio leave almost no row for training.",
                "Let their sum be at most 0.95.", Place(texts.GetValueOrDefault("ValidationSplitRatio"))));
        }

        if (SettingNumbers.Integer(values["ChunkOverlap"]) >= SettingNumbers.Integer(values["MaxSeqLength"]))
        {
            errors.Add(new Diagnostic(Codes.BadSetting, $"ChunkOverlap is {values["ChunkOverlap"]}, and MaxSeqLength only {values["MaxSeqLength"]}.",
                "Let the overlap be less than MaxSeqLength.", Place(texts.GetValueOrDefault("ChunkOverlap"))));
        }

        foreach ((SettingDefinition setting, SettingText text) in from text in texts let setting = SettingTable.Find(text.Key) where setting is not null select (setting, text.Value))
        {
            bool applies = setting.AppliesTo(values["FineTuneMethod"]);
            if (!applies || (setting.IsForNewAdapters && values["InitialAdapter"].Length > 0))
            {
                events.Report(new Diagnostic(
                    Codes.SettingHasNoEffect,
                    $"{setting.Name} has no effect with {(applies ? "InitialAdapter, which brings its own" : $"FineTuneMethod {values["FineTuneMethod"]}")}.",
                    applies ? "Remove one of the two." : $"Remove it, or choose {string.Join(" or ", SettingTable.MethodsOf(setting.Scope))}.", Place(text), Severity.Warning));
            }
        }

        // Only what was written down: qlora has it on by itself, also where the base keeps its blocks.
        if (values["FineTuneMethod"] == "lora" && values["Quantization"] == "none" && values["DoubleQuantization"] == "true")
        {
            events.Report(new Diagnostic(Codes.SettingHasNoEffect, "DoubleQuantization has no effect with Quantization none.", "Remove it, or set Quantization to nf4.",
                Place(texts.GetValueOrDefault("DoubleQuantization")), Severity.Warning));
        }
    }

    private static SourcePosition Place(SettingText? text) =>
        text is null ? SourcePosition.None : new SourcePosition(text.File, text.Line, text.Column);
}
