using Xunit;

namespace FineTuneTool.Tasks.Tests;

public class SettingFilesTests
{
    public static TheoryData<string> Files => [.. SettingFiles.All.Keys];

    [Theory]
    [MemberData(nameof(Files))]
    public void A_file_that_repeats_the_table_of_settings_agrees_with_it(string file)
    {
        string expected = SettingFiles.All[file]().ReplaceLineEndings("\n");
        if (Environment.GetEnvironmentVariable("FINETUNE_UPDATE_DOCS") == "1")
        {
            File.WriteAllText(SettingFiles.FullPath(file), expected);
        }

        string actual = File.ReadAllText(SettingFiles.FullPath(file)).ReplaceLineEndings("\n");
        Assert.True(expected == actual, $"{file} differs from SettingTable; write it with: FINETUNE_UPDATE_DOCS=1 dotnet test tests/Tasks.Tests");
    }
}
