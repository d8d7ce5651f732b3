namespace FineTuneTool.Tasks;

/// <summary>Finds the dotnet command that runs this build, so that the engine runs on the same one.</summary>
internal static class DotNetHost
{
    public static string Path =>
        Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } named ? named :
        Environment.ProcessPath is string own && System.IO.Path.GetFileNameWithoutExtension(own).Equals("dotnet", StringComparison.OrdinalIgnoreCase) ? own :
        "dotnet";
}
