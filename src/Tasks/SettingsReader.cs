using System.IO.Enumeration;
using FineTuneTool.Engine.Protocol;
using Microsoft.Build.Framework;

namespace FineTuneTool.Tasks;

/// <summary>
/// Turns what MSBuild evaluated (settings and items) into the request's form, with the place of each in the project or its imports.
/// A value that came from the command line or is a default has no place.
/// </summary>
internal sealed class SettingsReader(ProjectSources sources)
{
    /// <summary>Metadata that only carries an item's type to us.</summary>
    public const string ItemTypeMetadata = "FineTuneItemType";

    private const string Prompt = "SamplePrompt";

    private readonly ILookup<string, SourceElement> _properties = sources.Properties.ToLookup(element => element.Name, StringComparer.OrdinalIgnoreCase);
    private readonly ILookup<string, SourceElement> _items = sources.Items.ToLookup(element => element.Name, StringComparer.OrdinalIgnoreCase);

    /// <param name="settings">Items named as settings, with the metadata Value.</param>
    /// <returns>The settings that have a value.</returns>
    public Dictionary<string, SettingText> Settings(IEnumerable<ITaskItem> settings)
    {
        var texts = new Dictionary<string, SettingText>(StringComparer.Ordinal);
        foreach (ITaskItem setting in settings)
        {
            string value = setting.GetMetadata("Value");
            if (value.Trim().Length > 0)
            {
                SourceElement? place = Assignment(setting.ItemSpec, value);
                texts[setting.ItemSpec] = new SettingText(value, place?.File, place?.Line ?? 0, place?.Column ?? 0);
            }
        }

        return texts;
    }

    public List<ProjectItem> Items(IEnumerable<ITaskItem> items)
    {
        List<ProjectItem> evaluated = [.. items.Select(Item)];
        List<ProjectItem> questions = [.. Questions(evaluated)];
        return questions.Count == 0
            ? evaluated
            : [.. evaluated.Where(item => item.Type != Prompt), .. evaluated.Where(item => item.Type == Prompt).Concat(questions).OrderBy(item => item.Line)];
    }

    /// <summary>
    /// Prompts that MSBuild took for file patterns because of their question mark, and dropped because no file has such a name.
    /// One with a condition is not brought back, since only MSBuild can judge that; there, %3F stands for the mark.
    /// </summary>
    private IEnumerable<ProjectItem> Questions(List<ProjectItem> evaluated) =>
        from element in _items[Prompt]
        let text = element.Element.Attribute("Include")?.Value ?? ""
        where IsPattern(text) && !IsComputed(text) && element.Element.AncestorsAndSelf().All(part => part.Attribute("Condition") is null)
        where !evaluated.Any(item => item.Type == Prompt && Includes(element).Any(part => Matches(part, item.Include)))
        select new ProjectItem(Prompt, text, null, new Dictionary<string, string>(), element.File, element.Line, element.Column);

    /// <summary>The last assignment that can have given the value: one that spells it, or one that computes it.</summary>
    private SourceElement? Assignment(string name, string value)
    {
        SourceElement[] elements = [.. _properties[name].Reverse()];
        return elements.FirstOrDefault(element => element.Element.Value.Trim() == value.Trim())
            ?? elements.FirstOrDefault(element => element.Element.Value.Contains("$("));
    }

    private ProjectItem Item(ITaskItem item)
    {
        string type = item.GetMetadata(ItemTypeMetadata);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string name in item.CloneCustomMetadata().Keys.Cast<string>().Where(name => name != ItemTypeMetadata).Order(StringComparer.Ordinal))
        {
            metadata[name] = item.GetMetadata(name);
        }

        string? fullPath = null;
        if (type is "TrainingData" or "EvaluationData" or "TestData" || (type == Prompt && File.Exists(item.GetMetadata("FullPath"))))
        {
            fullPath = item.ItemSpec.Contains(':') && !Path.IsPathRooted(item.ItemSpec) ? null : item.GetMetadata("FullPath");
        }

        SourceElement? place = Inclusion(type, item.ItemSpec);
        return new ProjectItem(type, item.ItemSpec, fullPath, metadata, place?.File, place?.Line ?? 0, place?.Column ?? 0);
    }

    /// <summary>The element that names the item, or else the first that can have found it by a pattern.</summary>
    private SourceElement? Inclusion(string type, string include)
    {
        SourceElement[] elements = [.. _items[type]];
        string wanted = include.Replace('\\', '/');
        return elements.FirstOrDefault(element => Includes(element).Contains(wanted))
            ?? elements.FirstOrDefault(element => Includes(element).Any(part => Matches(part, wanted)))
            ?? elements.FirstOrDefault(element => Includes(element).Any(IsComputed))
            ?? (elements.Length == 1 ? elements[0] : null);
    }

    private static bool Matches(string pattern, string include) => IsPattern(pattern) && FileSystemName.MatchesSimpleExpression(pattern, include);

    private static bool IsPattern(string include) => include.AsSpan().ContainsAny('*', '?');

    private static bool IsComputed(string include) => include.Contains("$(") || include.Contains("@(") || include.Contains("%(");

    private static string[] Includes(SourceElement element) =>
        (element.Element.Attribute("Include")?.Value ?? "").Replace('\\', '/').Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
