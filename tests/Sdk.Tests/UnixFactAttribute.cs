using FineTuneTool.TestKit;

namespace FineTuneTool.Sdk.Tests;

/// <summary>A test that sends signals; skipped, visibly, on Windows, and where the reference data that it needs is absent.</summary>
public sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute(string? sharedPath = null) =>
        Skip = OperatingSystem.IsWindows() ? "sends signals, which Windows does not have"
            : sharedPath is not null ? new SharedFactAttribute(sharedPath).Skip
            : null;
}
