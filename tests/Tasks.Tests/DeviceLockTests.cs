using FineTuneTool.TestKit;
using Xunit;

namespace FineTuneTool.Tasks.Tests;

public sealed class DeviceLockTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ManualResetEvent _cancelled = new(false);

    public void Dispose()
    {
        _cancelled.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_second_project_waits_for_the_first_and_says_for_which()
    {
        DeviceLock first = Acquire("legal", _ => { })!;
        string? waitedFor = null;

        // The first project ends when the second has said that it waits.
        using DeviceLock? second = Acquire("chat", holder =>
        {
            waitedFor = holder;
            first.Dispose();
        });

        Assert.NotNull(second);
        Assert.Equal("legal", waitedFor);
    }

    [Fact]
    public void A_free_device_is_taken_without_waiting()
    {
        Acquire("legal", _ => { })!.Dispose();

        using DeviceLock? second = Acquire("chat", _ => Assert.Fail("It is free."));

        Assert.NotNull(second);
    }

    [Fact]
    public void Cancelling_ends_the_waiting()
    {
        using DeviceLock? first = Acquire("legal", _ => { });

        Assert.Null(Acquire("chat", _ => _cancelled.Set()));
    }

    [Fact]
    public void A_folder_that_cannot_be_made_locks_nothing()
    {
        string file = _folder.Write("file", "");

        Assert.Null(DeviceLock.Acquire(Path.Combine(file, "locks"), "cpu", "legal", _cancelled, _ => Assert.Fail("There is nothing to wait for.")));
    }

    private DeviceLock? Acquire(string project, Action<string> waiting) => DeviceLock.Acquire(_folder.File("locks"), "cpu", project, _cancelled, waiting);
}
