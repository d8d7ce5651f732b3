using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Stages;

namespace FineTuneTool.Tool.Inspection;

/// <summary>What this machine offers, and what of it the engine uses.</summary>
internal static class MachineInspection
{
    private static readonly string[] GpuDriverFiles = ["/proc/driver/nvidia/version", "/dev/kfd"];

    public static JsonObject Describe()
    {
        using var backend = CpuBackend.Create();
        return new JsonObject
        {
            ["version"] = typeof(MachineInspection).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion,
            ["runtime"] = RuntimeInformation.FrameworkDescription,
            ["system"] = RuntimeInformation.OSDescription,
            ["architecture"] = RuntimeInformation.ProcessArchitecture.ToString(),
            ["cores"] = Environment.ProcessorCount,
            ["backend"] = backend.Name,
            ["kernels"] = new JsonArray([.. CpuBackend.AvailableKernels.Select(name => (JsonNode)name)]),
            ["memory_bytes"] = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            ["disk"] = Disk(Directory.GetCurrentDirectory()),
            ["hub_cache"] = Cache(ModelLocator.CacheFolder),
            ["gpu"] = new JsonObject { ["driver"] = GpuDriverFiles.Any(File.Exists) || OnPath("nvidia-smi") is not null, ["used"] = false },
            ["mpi"] = OnPath("mpirun") ?? OnPath("mpiexec"),
        };
    }

    private static JsonObject Disk(string folder) => new() { ["path"] = folder, ["free_bytes"] = new DriveInfo(folder).AvailableFreeSpace };

    private static JsonObject Cache(string folder)
    {
        JsonNode[] models = Directory.Exists(folder)
            ? [.. Directory.EnumerateDirectories(folder, "models--*").Order(StringComparer.Ordinal).Select(path => (JsonNode)Path.GetFileName(path)["models--".Length..].Replace("--", "/", StringComparison.Ordinal))]
            : [];
        return new JsonObject { ["path"] = folder, ["models"] = models.Length, ["names"] = new JsonArray(models) };
    }

    /// <summary>The full path of a program that a shell would find, or null.</summary>
    private static string? OnPath(string program)
    {
        string file = OperatingSystem.IsWindows() ? program + ".exe" : program;
        return (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, file))
            .FirstOrDefault(File.Exists);
    }
}
