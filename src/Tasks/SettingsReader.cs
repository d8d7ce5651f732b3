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

    public List<ProjectItem> Items(IEnumerable<ITaskItem> items) => [.. items.Select(Item)];

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
        if (type is "TrainingData" or "EvaluationData" or "TestData" || (type == "SamplePrompt" && File.Exists(item.GetMetadata("FullPath"))))
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
            ?? elements.FirstOrDefault(element => Includes(element).Any(part => part.Contains('*') || part.Contains("$(") || part.Contains("@(")))
            ?? (elements.Length == 1 ? elements[0] : null);
    }

    private static string[] Includes(SourceElement element) =>
        (element.Element.Attribute("Include")?.Value ?? "").Replace('\\', '/').Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
