namespace FineTuneTool.Engine.Diagnostics;

public static partial class Codes
{
    public static readonly DiagnosticCode NotEnoughDisk = new("FT2001", "There is not enough disk space");
    public static readonly DiagnosticCode NotEnoughMemory = new("FT2002", "There is not enough memory");
    public static readonly DiagnosticCode UnsupportedKernels = new("FT2003", "The requested kernels do not run on this machine");
    public static readonly DiagnosticCode EngineStopped = new("FT2004", "The engine process ended unexpectedly");
    public static readonly DiagnosticCode Stopped = new("FT2005", "Stopped by the user", Severity.Message);
    public static readonly DiagnosticCode Internal = new("FT9001", "An internal error");

    private static IReadOnlyList<DiagnosticCode> Machine => [NotEnoughDisk, NotEnoughMemory, UnsupportedKernels, EngineStopped, Stopped, Internal];
}
