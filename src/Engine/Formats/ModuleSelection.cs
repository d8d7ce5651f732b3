namespace FineTuneTool.Engine.Formats;

/// <summary>
/// Modules as PEFT names them: either a list, where a module counts when its path is an item or ends with "." and an item,
/// or one string, which is a regular expression over the whole path (or <c>all-linear</c>).
/// </summary>
public sealed record ModuleSelection
{
    private ModuleSelection(IReadOnlyList<string>? names, string? pattern)
    {
        Names = names;
        Pattern = pattern;
    }

    /// <summary>Set for a list.</summary>
    public IReadOnlyList<string>? Names { get; }

    /// <summary>Set for a string.</summary>
    public string? Pattern { get; }

    public bool IsAllLinear => string.Equals(Pattern, "all-linear", StringComparison.OrdinalIgnoreCase);

    public static ModuleSelection Of(params IReadOnlyList<string> names) => new(names, null);

    public static ModuleSelection Matching(string pattern) => new(null, pattern);

    public bool Equals(ModuleSelection? other) =>
        other is not null && Pattern == other.Pattern && (Names ?? []).SequenceEqual(other.Names ?? []) && Names is null == other.Names is null;

    public override int GetHashCode() => HashCode.Combine(Pattern, Names?.Count);

    public override string ToString() => Pattern ?? string.Join(", ", Names!);
}
