using System.ComponentModel;
using System.Runtime.InteropServices;

namespace FineTuneTool.Engine.Jit;

/// <summary>
/// Pages that hold machine code: written first, then made executable and read-only, never writable and executable at the same time.
/// They live as long as the process.
/// </summary>
internal static unsafe partial class ExecutableMemory
{
    private const int ReadWrite = 3, ReadExecute = 5;

    /// <summary>Copies code into fresh pages and returns its address. Raises <see cref="Win32Exception"/> where the system refuses.</summary>
    public static nint Install(ReadOnlySpan<byte> code)
    {
        nint length = (code.Length + Environment.SystemPageSize - 1) / Environment.SystemPageSize * Environment.SystemPageSize;
        if (OperatingSystem.IsWindows())
        {
            const uint CommitReserve = 0x3000, PageReadWrite = 4, PageExecuteRead = 0x20;
            nint pages = VirtualAlloc(0, length, CommitReserve, PageReadWrite);
            Check(pages != 0);
            code.CopyTo(new Span<byte>((void*)pages, code.Length));
            Check(VirtualProtect(pages, length, PageExecuteRead, out _));
            return pages;
        }

        int privateAnonymous = OperatingSystem.IsLinux() ? 0x22 : 0x1002;
        nint memory = Map(0, length, ReadWrite, privateAnonymous, -1, 0);
        Check(memory != -1);
        code.CopyTo(new Span<byte>((void*)memory, code.Length));
        Check(Protect(memory, length, ReadExecute) == 0);
        return memory;
    }

    private static void Check(bool succeeded)
    {
        if (!succeeded)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(nint address, nint length, int protection);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial nint VirtualAlloc(nint address, nint length, uint type, uint protection);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualProtect(nint address, nint length, uint protection, out uint old);
}
