using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Formats;

/// <summary>Turns failures of the file system while writing into diagnostics.</summary>
internal static class WriteFailure
{
    private const int LinuxNoSpace = 28, LinuxQuota = 122, WindowsDiskFull = unchecked((int)0x80070070), WindowsHandleDiskFull = unchecked((int)0x80070027);

    public static void Guard(string path, Action write)
    {
        try
        {
            write();
        }
        catch (IOException failure) when (failure.HResult is LinuxNoSpace or LinuxQuota or WindowsDiskFull or WindowsHandleDiskFull)
        {
            throw new FineTuneException(
                Codes.NotEnoughDisk, $"The disk became full while '{path}' was written; nothing of it was kept.", "Free some space and run again.",
                new SourcePosition(path), failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new FineTuneException(
                Codes.FileUnwritable, $"'{path}' cannot be written: {failure.Message}", "Check the path and its permissions.",
                new SourcePosition(path), failure);
        }
    }
}
