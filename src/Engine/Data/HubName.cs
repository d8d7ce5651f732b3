using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Data;

/// <summary>The name of a data set of the Hub in an item: <c>hub:owner/name[@revision][/config][:split]</c>.</summary>
/// <param name="Repository">owner/name, with @revision where one is named.</param>
/// <param name="Config">One of several data sets in a repository; null = the default one.</param>
/// <param name="Split">Null = all.</param>
internal sealed record HubName(string Repository, string? Config, string? Split)
{
    private const string Scheme = "hub:";

    public static bool Is(string include) => include.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase);

    /// <exception cref="FineTuneException">FT0001: the name has another form.</exception>
    public static HubName Parse(string include, SourcePosition position)
    {
        string[] sides = include[Scheme.Length..].Split(':');
        string[] parts = sides[0].Split('/');
        bool isName = sides.Length <= 2 && parts.Length is 2 or 3 && sides[1..].Concat(parts[2..]).All(HubCache.IsName)
            && HubCache.IsName(parts[0]) && parts[1].Split('@') is { Length: <= 2 } names && names.All(HubCache.IsName);
        return isName ? new HubName($"{parts[0]}/{parts[1]}", parts.ElementAtOrDefault(2), sides.ElementAtOrDefault(1)) : throw new FineTuneException(
            Codes.BadSetting, $"\"{include}\" is no data set of the Hub.", "Write hub:owner/name, with @revision, /config and :split where they are needed.", position);
    }

    public override string ToString() => $"{Scheme}{Repository}{(Config is null ? "" : "/" + Config)}{(Split is null ? "" : ":" + Split)}";
}
