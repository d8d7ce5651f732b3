using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;

namespace FineTuneTool.Tasks;

/// <summary>
/// The engine host as a child process: lines of its standard output come out of <see cref="TryRead"/>, its standard error goes to a log file,
/// and its standard input stays open, since its end tells the engine that the build is gone.
/// </summary>
internal sealed class EngineProcess : IDisposable
{
    private const int TailLines = 15;
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    private readonly Process _process;
    private readonly BlockingCollection<string> _lines = [];
    private readonly Thread _errors;
    private readonly Queue<string> _tail = new();
    private readonly StreamWriter _log;

    /// <param name="arguments">What follows <c>dotnet exec HOST</c>.</param>
    /// <param name="logFile">Receives standard error; written anew.</param>
    public EngineProcess(string host, IEnumerable<string> arguments, string workingDirectory, string logFile)
    {
        var start = new ProcessStartInfo(DotNetHost.Path, ["exec", host, .. arguments])
        {
            WorkingDirectory = workingDirectory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = Utf8,
            StandardOutputEncoding = Utf8,
            StandardErrorEncoding = Utf8,
        };
        _log = new StreamWriter(new FileStream(logFile, FileMode.Create, FileAccess.Write, FileShare.ReadWrite), Utf8) { AutoFlush = true };
        try
        {
            _process = Process.Start(start)!;
        }
        catch
        {
            _log.Dispose();
            throw;
        }

        // Threads of their own: a full pipe must never stop the engine, whatever the thread pool is busy with.
        new Thread(ReadOutput) { IsBackground = true, Name = "engine output" }.Start();
        _errors = new Thread(ReadErrors) { IsBackground = true, Name = "engine log" };
        _errors.Start();
    }

    /// <summary>Valid after <see cref="WaitForEnd"/>.</summary>
    public int ExitCode => _process.ExitCode;

    public bool HasEnded => _process.HasExited;

    /// <summary>The last lines of standard error.</summary>
    public string ErrorTail
    {
        get
        {
            lock (_tail)
            {
                return string.Join(Environment.NewLine, _tail);
            }
        }
    }

    /// <summary>The next line of standard output; false after <paramref name="milliseconds"/> without one.</summary>
    public bool TryRead(int milliseconds, out string line)
    {
        bool found = _lines.TryTake(out string? taken, milliseconds);
        line = taken ?? "";
        return found;
    }

    /// <summary>True once standard output has ended and every line was read.</summary>
    public bool OutputEnded => _lines.IsCompleted;

    /// <summary>Asks for a checkpoint and the end; does nothing where the process has ended already.</summary>
    public void RequestStop()
    {
        try
        {
            _process.StandardInput.WriteLine("stop");
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // The pipe is closed: it has ended.
        }
    }

    public void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }

    /// <summary>Waits for the exit code and for the rest of the log.</summary>
    public void WaitForEnd()
    {
        _process.WaitForExit(Timeout.Infinite);

        // A grandchild can hold the pipe open after the process is gone; its words are not waited for.
        _errors.Join(TimeSpan.FromSeconds(2));
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
        lock (_tail)
        {
            _log.Dispose();
        }
    }

    private void ReadOutput()
    {
        try
        {
            while (_process.StandardOutput.ReadLine() is string line)
            {
                _lines.Add(line);
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The process was ended while a line was read.
        }

        _lines.CompleteAdding();
    }

    private void ReadErrors()
    {
        try
        {
            while (_process.StandardError.ReadLine() is string line)
            {
                lock (_tail)
                {
                    _log.WriteLine(line);
                    _tail.Enqueue(line);
                    if (_tail.Count > TailLines)
                    {
                        _tail.Dequeue();
                    }
                }
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // A full disk or the end of the build: the log ends here.
        }
    }
}
