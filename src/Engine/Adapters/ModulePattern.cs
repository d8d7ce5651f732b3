using System.Text.RegularExpressions;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Adapters;

/// <summary>Regular expressions over module paths. Patterns may come from strangers: each match is given little time.</summary>
internal static class ModulePattern
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    /// <summary>Python's <c>re.fullmatch</c>.</summary>
    public static bool MatchesWhole(string pattern, string path) => Match(@"\A(?:", pattern, @")\z", path).Success;

    /// <summary>How PEFT looks up rank_pattern and alpha_pattern: <c>(.*\.)?(KEY)$</c> from the start.</summary>
    public static bool MatchesEnd(string pattern, string path) => Match(@"\A(.*\.)?(", pattern, @")\z", path).Success;

    /// <summary>The number of the layer in a path, where its list is one of <paramref name="lists"/> (null = any); null where there is none.</summary>
    public static int? LayerOf(string path, IReadOnlyList<string>? lists)
    {
        foreach (string list in lists is null or [] ? [@"[^.]*"] : lists)
        {
            Match match = Match(@"\A.*\.", list, @"\.(?<layer>\d+)\.", path);
            if (match.Success && int.TryParse(match.Groups["layer"].ValueSpan, out int layer))
            {
                return layer;
            }
        }

        return null;
    }

    private static Match Match(string before, string pattern, string after, string path)
    {
        try
        {
            return Regex.Match(path, before + pattern + after, RegexOptions.CultureInvariant, Limit);
        }
        catch (Exception failure) when (failure is ArgumentException or RegexMatchTimeoutException)
        {
            string problem = failure is RegexMatchTimeoutException ? "takes too long to match" : "is not a valid regular expression";
            throw new FineTuneException(
                Codes.NoTargetModules, $"The module pattern '{pattern}' {problem}.", "Give names of layers, such as q_proj, or a simpler expression.",
                inner: failure);
        }
    }
}
