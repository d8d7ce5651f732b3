using System.Globalization;

namespace FineTuneTool.Engine.Backends;

/// <summary>How much memory this process may still take.</summary>
internal static class MachineMemory
{
    /// <summary>All the memory that this process may ever use: of the machine, or of its container.</summary>
    public static long TotalBytes { get; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>What is free now, where the system tells (Linux: MemAvailable), else <see cref="TotalBytes"/>.</summary>
    public static long FreeBytes()
    {
        try
        {
            string? line = File.ReadLines("/proc/meminfo").FirstOrDefault(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal));
            return line is not null && long.TryParse(line.AsSpan(13).Trim().TrimEnd("kB").Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long kibibytes)
                ? Math.Min(TotalBytes, kibibytes * 1024)
                : TotalBytes;
        }
        catch (IOException)
        {
            return TotalBytes;
        }
        catch (UnauthorizedAccessException)
        {
            return TotalBytes;
        }
    }
}
