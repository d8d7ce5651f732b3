using System.CommandLine;

namespace FineTuneTool.Tool.Commands;

/// <summary>Rules over several options of a verb.</summary>
internal static class OptionRules
{
    /// <summary>Exactly one of the options must be given; anything else is wrong usage.</summary>
    public static void RequireOneOf(this Command verb, params Option[] options) => verb.Validators.Add(result =>
    {
        if (options.Count(option => result.GetResult(option) is { Implicit: false }) != 1)
        {
            result.AddError($"Give exactly one of {string.Join(", ", options.Select(option => option.Name))}.");
        }
    });
}
