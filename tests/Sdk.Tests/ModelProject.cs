using FineTuneTool.TestKit;
using Microsoft.Build.Logging.StructuredLogger;

namespace FineTuneTool.Sdk.Tests;

/// <summary>A user's folder with a .finetune project in it, outside the repository.</summary>
internal sealed class ModelProject : IDisposable
{
    private readonly SdkFeed _feed;
    private readonly TemporaryFolder _folder = new("내 models ü");
    private readonly List<string> _common = [];

    public ModelProject(SdkFeed feed)
    {
        _feed = feed;
        Write("nuget.config", $"""
            <configuration>
              <packageSources>
                <clear />
                <add key="feed" value="{feed.Folder}" />
              </packageSources>
            </configuration>
            """);
    }

    public string Folder => _folder.Path;

    /// <summary>Every build of this project uses the stand-in engine, which does what BaseModel says.</summary>
    public ModelProject WithFakeHost()
    {
        _common.Add($"-p:FineTuneHost={SdkFeed.FakeHost}");
        return this;
    }

    /// <summary>Writes NAME.finetune with these lines in its property group and item group.</summary>
    public ModelProject WithProject(string name, string properties, string items = "")
    {
        Write(name + ".finetune", $"""
            <Project Sdk="FineTuneTool.Sdk/{_feed.Version}">
              <PropertyGroup>
                {properties}
              </PropertyGroup>
              <ItemGroup>
                {items}
              </ItemGroup>
            </Project>
            """);
        return this;
    }

    public string Write(string name, string text) => _folder.Write(name, text);

    public string PathOf(params string[] parts) => Path.Combine([Folder, .. parts]);

    public CommandResult Build(params string[] arguments)
    {
        using DotNetCommand command = Start(["build", .. arguments]);
        return command.Finish();
    }

    public CommandResult Run(params string[] arguments)
    {
        using DotNetCommand command = Start(arguments);
        return command.Finish();
    }

    /// <summary>A build whose binary log is read afterwards.</summary>
    public Build BuildWithLog(params string[] arguments)
    {
        string log = PathOf("build.binlog");
        Build([.. arguments, $"-bl:{log}"]).Succeeded();
        return BinaryLog.ReadBuild(log);
    }

    public DotNetCommand Start(params string[] arguments) => new(Folder, _feed.Environment, [.. arguments, .. _common]);

    /// <summary>As <see cref="Start"/>, with further variables of the environment.</summary>
    public CommandResult BuildIn(IReadOnlyDictionary<string, string?> variables, params string[] arguments)
    {
        var environment = new Dictionary<string, string?>(_feed.Environment);
        foreach ((string name, string? value) in variables)
        {
            environment[name] = value;
        }

        using var command = new DotNetCommand(Folder, environment, ["build", .. arguments, .. _common]);
        return command.Finish();
    }

    public void Dispose() => _folder.Dispose();
}
