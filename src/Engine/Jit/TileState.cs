using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using static Iced.Intel.AssemblerRegisters;

namespace FineTuneTool.Engine.Jit;

/// <summary>
/// Whether code may use tile registers with products of BF16 (AMX). The processor must have them, the system must save them (XCR0 bits 17 and 18), and because
/// they are large it wants to be asked once by a process (Linux arch_prctl, Windows EnableProcessOptionalXStateFeatures).
/// </summary>
internal static unsafe partial class TileState
{
    private const ulong Configuration = 1UL << 17, Data = 1UL << 18;

    /// <summary>Asks the system on first use.</summary>
    public static bool IsAvailable { get; } = IsSupported && (EnabledStates() & (Configuration | Data)) == (Configuration | Data) && Request();

    /// <summary>CPUID leaf 7, EDX: bit 22 are products of BF16, bit 24 are tiles. AVX-512 stands for a system that saves more than the old registers, without which XGETBV does not run.</summary>
    private static bool IsSupported
    {
        get
        {
            const int Needed = 1 << 22 | 1 << 24;
            return Avx512F.X64.IsSupported && X86Base.CpuId(0, 0).Eax >= 7 && (X86Base.CpuId(7, 0).Edx & Needed) == Needed;
        }
    }

    /// <summary>XCR0: a bit for each kind of state that the system saves. 0 where emitted code is not allowed to run.</summary>
    public static ulong EnabledStates()
    {
        ulong states = 0;
        try
        {
            EmittedFunction function = EmittedFunction.Emit("enabled-states", assembler =>
            {
                assembler.xor(ecx, ecx);
                assembler.xgetbv();
                assembler.mov(__dword_ptr[rdi], eax);
                assembler.mov(__dword_ptr[rdi + sizeof(uint)], edx);
            });
            ((delegate* unmanaged<ulong*, void>)function.Address)(&states);
        }
        catch (Win32Exception)
        {
            return 0;
        }

        return states;
    }

    /// <summary>False too where a thread's stack for signals is too small for the tiles.</summary>
    private static bool Request()
    {
        const long ArchPrctl = 158, RequestPermission = 0x1023, TileData = 18;
        try
        {
            return OperatingSystem.IsLinux() ? SystemCall(ArchPrctl, RequestPermission, TileData) == 0
                : OperatingSystem.IsWindows() && EnableProcessOptionalXStateFeatures(Configuration | Data);
        }
        catch (EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long SystemCall(long number, long first, long second);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool EnableProcessOptionalXStateFeatures(ulong features);
}
