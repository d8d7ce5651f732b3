using System.Diagnostics;

namespace FineTuneTool.Engine.Backends;

/// <summary>The most memory that this process has held at a time.</summary>
internal static class PeakMemory
{
    /// <summary>Everything that lay in memory: runtime, code, mapped pages of files that were touched. Null where the system does not tell.</summary>
    public static long? Bytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64 is > 0 and var bytes ? bytes : null;
    }
}
