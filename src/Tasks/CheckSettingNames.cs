using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using Microsoft.Build.Framework;
using Task = Microsoft.Build.Utilities.Task;

namespace FineTuneTool.Tasks;

/// <summary>
/// Warns of properties that look like misspelt settings (FT0002): MSBuild accepts any property, so <c>LoraRnak</c> would change nothing, silently.
/// </summary>
public sealed class CheckSettingNames : Task
{
    /// <summary>Properties of other SDKs that happen to lie close to one of ours.</summary>
    private static readonly string[] NotOurs = ["Optimize", "Deterministic"];

    /// <summary>Full path of the .finetune file.</summary>
    [Required]
    public string ProjectFile { get; set; } = "";

    /// <summary>Files that the project imports without saying so.</summary>
    public string[] ImportedFiles { get; set; } = [];

    public override bool Execute()
    {
        foreach (SourceElement property in new ProjectSources(ProjectFile, ImportedFiles).Properties)
        {
            Check(property.Name, property.File, property.Line, property.Column);
        }

        foreach (string name in CommandLineProperties())
        {
            Check(name, ProjectFile, 0, 0);
        }

        return true;
    }

    private void Check(string name, string file, int line, int column)
    {
        if (Misspelt(name) is string meant)
        {
            Log.LogWarning(null, Codes.UnknownSetting.Id, null, null, file, line, column, 0, 0,
                $"{name} is not a setting and changes nothing. Did you mean {meant}?");
        }
    }

    /// <summary>The setting that a name probably means; null where the name is one, or resembles none. Short names need a closer match.</summary>
    internal static string? Misspelt(string name) =>
        name.StartsWith('_') || SettingTable.All.Any(setting => setting.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            || NotOurs.Contains(name, StringComparer.OrdinalIgnoreCase)
            ? null
            : Suggestion.Nearest(name, SettingTable.All.Select(setting => setting.Name), limit: Math.Min(2, name.Length / 3));

    private IEnumerable<string> CommandLineProperties()
    {
        try
        {
            return BuildEngine is IBuildEngine6 engine ? engine.GetGlobalProperties().Keys : [];
        }
        catch (NotImplementedException)
        {
            // A task host does not know them.
            return [];
        }
    }
}
