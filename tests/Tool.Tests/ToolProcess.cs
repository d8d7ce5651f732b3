using System.Diagnostics;
using System.Text;

namespace FineTuneTool.Tool.Tests;

/// <summary>Runs the built command as a process, as a shell does.</summary>
internal static class ToolProcess
{
    public static ToolRun Run(string input, params string[] args) => Run(input, closesInput: true, args);

    /// <summary>With its input open until it ends, as the build runs stages, which stop at the end of their input.</summary>
    public static ToolRun RunStage(string stage, string request) => Run("", closesInput: false, "stage", stage, request);

    private static ToolRun Run(string input, bool closesInput, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(false),
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "finetune.dll"));
        args.ToList().ForEach(start.ArgumentList.Add);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        if (closesInput)
        {
            process.StandardInput.Close();
        }

        process.WaitForExit();
        return new ToolRun(process.ExitCode, output.Result, error.Result);
    }
}
