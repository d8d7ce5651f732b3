using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace FineTuneTool.Sdk.Tests;

/// <summary>How a dotnet command ended.</summary>
internal sealed record CommandResult(int ExitCode, string Output)
{
    public CommandResult Succeeded()
    {
        Assert.True(ExitCode == 0, $"The command failed with {ExitCode}:\n{Output}");
        return this;
    }

    public CommandResult Failed()
    {
        Assert.True(ExitCode != 0, $"The command succeeded:\n{Output}");
        return this;
    }
}

/// <summary>A running dotnet command whose output can be waited for.</summary>
internal sealed partial class DotNetCommand : IDisposable
{
    private const int SignalInterrupt = 2;

    /// <summary>Far above what any command of these tests takes; a hang ends as a failure with its output.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly Task _reading;

    public DotNetCommand(string directory, IReadOnlyDictionary<string, string?> environment, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(false),
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        foreach ((string name, string? value) in environment)
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start)!;
        _reading = Task.WhenAll(Read(_process.StandardOutput), Read(_process.StandardError));
    }

    public int ProcessId => _process.Id;

    private string Output
    {
        get
        {
            lock (_lock)
            {
                return _output.ToString();
            }
        }
    }

    public CommandResult Finish(string? input = null)
    {
        if (input is not null)
        {
            _process.StandardInput.Write(input);
        }

        _process.StandardInput.Close();
        if (!_process.WaitForExit(Patience))
        {
            _process.Kill(entireProcessTree: true);
            Assert.Fail($"The command did not end:\n{Output}");
        }

        _reading.Wait(TimeSpan.FromSeconds(10));
        return new CommandResult(_process.ExitCode, Output);
    }

    /// <summary>Waits until the command has printed a text.</summary>
    public void WaitFor(string text)
    {
        var watch = Stopwatch.StartNew();
        while (!Output.Contains(text, StringComparison.Ordinal))
        {
            Assert.False(_process.HasExited && _reading.IsCompleted && !Output.Contains(text, StringComparison.Ordinal), $"The command ended without \"{text}\":\n{Output}");
            Assert.True(watch.Elapsed < Patience, $"The command never said \"{text}\":\n{Output}");
            _arrived.Wait(200);
        }
    }

    /// <summary>As <c>kill -INT</c>: only this process gets the signal.</summary>
    public void Interrupt() => Assert.Equal(0, Kill(_process.Id, SignalInterrupt));

    /// <summary>As <c>kill -KILL</c>: nobody is asked.</summary>
    public void Kill() => _process.Kill();

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
        _arrived.Dispose();
    }

    private async Task Read(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is string line)
        {
            lock (_lock)
            {
                _output.AppendLine(line);
            }

            _arrived.Release();
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
