using System.Security;
using System.Text;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.TestKit;

namespace FineTuneTool.Tasks.Tests;

/// <summary>
/// The files that repeat the table of settings in another language. They are written from it (run the tests with FINETUNE_UPDATE_DOCS=1), and compared with it.
/// </summary>
internal static class SettingFiles
{
    public static IReadOnlyDictionary<string, Func<string>> All { get; } = new Dictionary<string, Func<string>>
    {
        ["src/Tasks/Sdk/FineTuneTool.Settings.props"] = Resets,
        ["src/Tasks/Sdk/FineTuneTool.Settings.targets"] = Defaults,
    };

    public static string FullPath(string file) => Path.Combine(Paths.Repository, file);

    private static string Resets()
    {
        var text = new StringBuilder("""
            <Project>
              <!-- Written from SettingTable.cs. Every setting begins empty, so that an environment variable of the same name never leaks in; -p: still wins. -->
              <PropertyGroup>

            """);
        foreach (SettingDefinition setting in SettingTable.All)
        {
            text.Append("    <").Append(setting.Name).AppendLine(" />");
        }

        return text.Append("  </PropertyGroup>\n</Project>\n").ToString();
    }

    private static string Defaults()
    {
        var text = new StringBuilder("""
            <Project>
              <!-- Written from SettingTable.cs. What the project left empty gets its default, which may depend on the method. -->
              <PropertyGroup>

            """);
        foreach (SettingScope scope in Enum.GetValues<SettingScope>())
        {
            if (scope != SettingScope.Always)
            {
                text.Append($"  </PropertyGroup>\n  <PropertyGroup Condition=\"{string.Join(" or ", SettingTable.MethodsOf(scope).Select(method => $"'$(FineTuneMethod)' == '{method}'"))}\">\n");
            }

            foreach (SettingDefinition setting in SettingTable.All.Where(setting => setting.Scope == scope))
            {
                text.Append(DefaultLines(setting));
            }
        }

        text.Append("  </PropertyGroup>\n\n  <!-- What the engine is told. -->\n  <ItemGroup>\n");
        foreach (SettingDefinition setting in SettingTable.All)
        {
            text.Append($"    <FineTuneSetting Include=\"{setting.Name}\" Value=\"$({setting.Name})\" />\n");
        }

        return text.Append("  </ItemGroup>\n</Project>\n").ToString();
    }

    private static string DefaultLines(SettingDefinition setting)
    {
        var text = new StringBuilder();
        string common = setting.DefaultFor("*");
        foreach (string method in SettingTable.MethodsOf(setting.Scope).Where(method => setting.DefaultFor(method) != common))
        {
            text.Append($"    <{setting.Name} Condition=\"'$({setting.Name})' == '' and '$(FineTuneMethod)' == '{method}'\">{Escape(setting.DefaultFor(method))}</{setting.Name}>\n");
        }

        if (common.Length > 0)
        {
            text.Append($"    <{setting.Name} Condition=\"'$({setting.Name})' == ''\">{Escape(common)}</{setting.Name}>\n");
        }

        return text.ToString();
    }

    private static string Escape(string value) => SecurityElement.Escape(value);
}
