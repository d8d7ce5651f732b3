using FineTuneTool.TestKit;

namespace FineTuneTool.Sdk.Tests;

/// <summary>
/// The SDK and the templates as packages in a folder feed, and an environment in which nothing of the machine's own caches, templates or sources is used.
/// Made once for all tests.
/// </summary>
public sealed class SdkFeed : IDisposable
{
    private readonly TemporaryFolder _folder = new("finetune sdk tests");

    public SdkFeed()
    {
        Environment = new Dictionary<string, string?>
        {
            ["NUGET_PACKAGES"] = _folder.File("packages"),
            ["XDG_DATA_HOME"] = _folder.File("data"),
            ["DOTNET_CLI_UI_LANGUAGE"] = "en",
            ["DOTNET_NOLOGO"] = "1",
            ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
            ["DOTNET_SKIP_WORKLOAD_INTEGRITY_CHECK"] = "1",
            ["MSBUILDDISABLENODEREUSE"] = "1",
            ["MSBUILDTERMINALLOGGER"] = "off",
            // What the test runner sets for its own children.
            ["MSBuildSDKsPath"] = null,
            ["MSBUILD_EXE_PATH"] = null,
            ["MSBuildExtensionsPath"] = null,
            ["DOTNET_HOST_PATH"] = null,
            ["CI"] = null,
        };
        Pack("src/Tasks/Tasks.csproj");
        Pack("templates/FineTuneTool.Templates.csproj");
        Hive = _folder.File("hive");
        string template = Directory.GetFiles(Folder, "FineTuneTool.Templates.*.nupkg").Single();
        Run(_folder.Path, "new", "install", template, "--debug:custom-hive", Hive).Succeeded();
    }

    /// <summary>Folder with the packages.</summary>
    public string Folder => _folder.File("feed");

    /// <summary>Where the template is installed, apart from the user's own.</summary>
    public string Hive { get; }

    public IReadOnlyDictionary<string, string?> Environment { get; }

    /// <summary>Version of the packed SDK.</summary>
    public string Version => Path.GetFileNameWithoutExtension(Directory.GetFiles(Folder, "FineTuneTool.Sdk.*.nupkg").Single())["FineTuneTool.Sdk.".Length..];

    /// <summary>The stand-in engine, built with the tests in the same configuration.</summary>
    public static string FakeHost => AppContext.BaseDirectory.Replace("Sdk.Tests", "FakeHost", StringComparison.Ordinal) + "FineTuneTool.FakeHost.dll";

    private static string Configuration => AppContext.BaseDirectory.Contains("Release", StringComparison.Ordinal) ? "Release" : "Debug";

    public void Dispose() => _folder.Dispose();

    internal CommandResult Run(string directory, params string[] arguments)
    {
        using var command = new DotNetCommand(directory, Environment, arguments);
        return command.Finish();
    }

    private void Pack(string project)
    {
        // The sources were restored with the machine's own package cache.
        var environment = new Dictionary<string, string?>(Environment);
        environment.Remove("NUGET_PACKAGES");
        using var command = new DotNetCommand(Paths.Repository, environment, "pack", project, "-c", Configuration, "--no-build", "-o", Folder, "-v", "q");
        command.Finish().Succeeded();
    }
}

/// <summary>Tests that share one feed run one after the other: each keeps the processor busy by itself.</summary>
[CollectionDefinition(nameof(SdkFeed))]
public sealed class SdkFeedCollection : ICollectionFixture<SdkFeed>;
