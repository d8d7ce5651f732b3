using System.Runtime.InteropServices;

namespace FineTuneTool.Engine.Tensors;

/// <summary>What the system is told about pages of mapped files.</summary>
internal static unsafe partial class PageAdvice
{
    private const int DontNeed = 4;

    /// <summary>
    /// Says that bytes of a mapped file will not be used soon: on Linux and macOS they no longer count as this process's memory.
    /// They stay mapped and right; what was written to them still reaches the file.
    /// </summary>
    public static void Forget(byte* first, long bytes)
    {
        if (!(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS()))
        {
            return;
        }

        long page = Environment.SystemPageSize, start = ((long)first + page - 1) / page * page, end = ((long)first + bytes) / page * page;
        if (end > start)
        {
            // Advice only: a refusal changes nothing.
            Advise((byte*)start, (nuint)(end - start), DontNeed);
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(byte* address, nuint length, int advice);
}
