using System.Text;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Protocol;

public class SettingsPageTests
{
    /// <summary>FINETUNE_UPDATE_DOCS=1 writes the page instead of comparing it.</summary>
    [Fact]
    public void The_settings_page_says_what_the_table_says()
    {
        string path = Path.Combine(Paths.Repository, "docs", "settings.md");
        if (Environment.GetEnvironmentVariable("FINETUNE_UPDATE_DOCS") == "1")
        {
            File.WriteAllText(path, Page());
        }

        Assert.Equal(Page(), File.ReadAllText(path).ReplaceLineEndings("\n"));
    }

    private static string Page()
    {
        var page = new StringBuilder("# Settings\n\nProperties of a `.finetune` project, made from the table in `src/Engine/Protocol/SettingTable.cs`. ");
        page.Append("Precedence: `-p:` on the command line, then the project, then `Directory.Build.props`, then the default.\n\n");
        page.Append($"| property | meaning | allowed | {string.Join(" | ", SettingTable.Methods)} |\n|---|---|---|{string.Concat(SettingTable.Methods.Select(_ => "---|"))}\n");
        foreach (SettingDefinition setting in SettingTable.All)
        {
            string allowed = setting.Kind switch
            {
                SettingKind.Choice => string.Join(", ", setting.Allowed!),
                SettingKind.Boolean => "true, false",
                SettingKind.List => "list with ;",
                SettingKind.Text => "text",
                SettingKind.Memory => "auto, bytes, KiB, MiB, GiB",
                _ => Limits(setting),
            };
            page.Append($"| `{setting.Name}` | {setting.Meaning} | {allowed} | {string.Join(" | ", SettingTable.Methods.Select(setting.DefaultFor))} |\n");
        }

        return page.ToString();
    }

    private static string Limits(SettingDefinition setting)
    {
        string kind = setting.Kind == SettingKind.Integer ? "whole number" : "number";
        string from = double.IsNegativeInfinity(setting.Minimum) ? "" : $" {(setting.MinimumExclusive ? ">" : "≥")} {SettingNumbers.Normalise(setting.Minimum)}";
        string to = double.IsPositiveInfinity(setting.Maximum) ? "" : $", ≤ {SettingNumbers.Normalise(setting.Maximum)}";
        return kind + from + to;
    }
}
