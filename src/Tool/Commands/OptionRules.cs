using System.CommandLine;
using System.Globalization;

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

    /// <summary>A value that is no such number, or for which the rule does not hold, is wrong usage.</summary>
    /// <param name="expected">What must stand there, as the end of a sentence.</param>
    public static void Require<T>(this Option<T> option, Func<T, bool> rule, string expected)
        where T : ISpanParsable<T> => option.Validators.Add(result =>
    {
        if (result.Tokens.Any(token => !T.TryParse(token.Value, CultureInfo.InvariantCulture, out T? value) || !rule(value)))
        {
            result.AddError($"{option.Name} must be {expected}.");
        }
    });

    /// <summary>Every value must be NAME=VALUE; anything else is wrong usage.</summary>
    public static void RequireSettings(this Option<string[]> option) => option.Validators.Add(result =>
    {
        if (result.Tokens.Any(token => token.Value.IndexOf('=') <= 0))
        {
            result.AddError($"{option.Name} takes NAME=VALUE.");
        }
    });
}
