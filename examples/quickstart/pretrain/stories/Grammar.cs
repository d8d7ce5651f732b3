namespace Stories;

/// <summary>
/// The rules and plots of the files in <c>grammar</c>. A rule is "@name" and its alternatives, one a line, or "@name words" and words with commas between
/// them. A plot is "# name: traits of its hero" and its sentences; an empty line begins a paragraph, "? " a line that may be left out.
/// </summary>
internal sealed class Grammar
{
    private readonly Dictionary<string, List<string>> _rules = [];

    private Grammar()
    {
    }

    public List<Plot> Plots { get; } = [];

    public static Grammar Read()
    {
        var grammar = new Grammar();
        foreach (string name in typeof(Grammar).Assembly.GetManifestResourceNames().Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(typeof(Grammar).Assembly.GetManifestResourceStream(name)!);
            grammar.Add(reader.ReadToEnd().ReplaceLineEndings("\n"));
        }

        return grammar;
    }

    /// <summary>The alternatives of a rule: that of the hero's world ("spot.child") where there is one.</summary>
    public IReadOnlyList<string> this[string rule, string world] =>
        _rules.TryGetValue($"{rule}.{world}", out List<string>? own) ? own
        : _rules.TryGetValue(rule, out List<string>? all) ? all
        : throw new KeyNotFoundException($"The grammar has no rule {rule}.");

    private void Add(string text)
    {
        List<string>? rule = null;
        Plot? plot = null;
        bool words = false;
        foreach (string line in text.Split('\n'))
        {
            if (line.StartsWith('@'))
            {
                string[] head = line[1..].Split(' ');
                (rule, words) = (_rules[head[0]] = [], head.Length > 1);
            }
            else if (line.StartsWith('#'))
            {
                Plots.Add(plot = new Plot([.. line[(line.IndexOf(':') + 1)..].Split(',').Select(trait => trait.Trim())]));
            }
            else if (plot is not null)
            {
                plot.Add(line);
            }
            else if (line.Length > 0)
            {
                rule!.AddRange(words ? line.Split(", ") : [line.TrimEnd()]);
            }
        }
    }
}

/// <summary>What happens in a story, and the traits of heroes that it happens to.</summary>
internal sealed class Plot(IReadOnlyList<string> traits)
{
    public IReadOnlyList<string> Traits => traits;

    public List<string> Lines { get; } = [];

    public List<string> Morals { get; } = [];

    public void Add(string line)
    {
        if (line.StartsWith("moral:", StringComparison.Ordinal))
        {
            Morals.AddRange(line["moral:".Length..].Split('|').Select(moral => moral.Trim()));
        }
        else
        {
            Lines.Add(line);
        }
    }
}
