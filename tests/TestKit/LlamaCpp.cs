using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Xunit;

namespace FineTuneTool.TestKit;

/// <summary>
/// The real llama.cpp (CPU, prebuilt for node), to check exported files against it. Installed once into a cache folder of the user.
/// </summary>
public static class LlamaCpp
{
    private static readonly string Tool = Path.Combine(Paths.Shared, "tools", "llama");

    private static readonly Lazy<string> Installation = new(Install);

    /// <summary>Why it cannot run here, or null.</summary>
    public static string? SkipReason =>
        !File.Exists(Path.Combine(Tool, "llama.mjs")) ? "needs tools/llama of the reference data, which is not beside this checkout"
        : !IsOnPath("node") || !IsOnPath("npm") ? "needs node and npm" : null;

    /// <summary>The <paramref name="count"/> most likely tokens, one after another, after a prompt.</summary>
    public static int[] Greedy(string model, IReadOnlyList<int> prompt, int count) =>
        [.. Run("greedy", model, prompt, "--n", count.ToString(CultureInfo.InvariantCulture)).GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];

    /// <summary>Mean negative log-likelihood, in nats, of the ids after the first.</summary>
    public static double MeanNll(string model, IReadOnlyList<int> ids) => Run("nll", model, ids).GetProperty("mean").GetDouble();

    /// <summary>The ids of a text by a model's vocabulary; control tokens in the text are read as such.</summary>
    public static int[] Tokenize(string model, string text) =>
        [.. Run("tokenize", model, "--text", text, "--special").GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];

    private static JsonElement Run(string verb, string model, IReadOnlyList<int> ids, params string[] more) =>
        Run(verb, model, ["--ids", string.Join(',', ids), .. more]);

    private static JsonElement Run(string verb, string model, params string[] options)
    {
        (int exitCode, string output, string error) = Start("node", Installation.Value, ["llama.mjs", verb, model, .. options]);
        if (exitCode != 0)
        {
            throw new InvalidOperationException($"llama.cpp failed on {model}: {error}");
        }

        return JsonDocument.Parse(output[output.IndexOf('{')..]).RootElement;
    }

    private static bool IsOnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));

    private static string Install()
    {
        string folder = Path.Combine(Path.GetTempPath(), "finetune-tests-llama-cpp");
        using FileStream guard = Lock(folder + ".lock");
        string done = Path.Combine(folder, "node_modules", ".installed");
        if (File.Exists(done))
        {
            return folder;
        }

        Directory.CreateDirectory(folder);
        foreach (string file in Directory.GetFiles(Tool))
        {
            File.WriteAllBytes(Path.Combine(folder, Path.GetFileName(file)), File.ReadAllBytes(file));
        }

        (int exitCode, _, string error) = Start("npm", folder, ["install", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]);
        if (exitCode != 0)
        {
            throw new InvalidOperationException($"llama.cpp could not be installed: {error}");
        }

        File.WriteAllText(done, "");
        return folder;
    }

    /// <summary>One installation at a time, also across test processes.</summary>
    private static FileStream Lock(string path)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (attempt < 600)
            {
                Thread.Sleep(500);
            }
        }
    }

    private static (int ExitCode, string Output, string Error) Start(string program, string folder, IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}

/// <summary>A theory that runs the real llama.cpp; skipped, visibly, where node or the reference data is absent.</summary>
public sealed class LlamaCppTheoryAttribute : TheoryAttribute
{
    public LlamaCppTheoryAttribute() => Skip = LlamaCpp.SkipReason;
}

/// <summary>A test that runs the real llama.cpp; skipped, visibly, where node or the reference data is absent.</summary>
public sealed class LlamaCppFactAttribute : FactAttribute
{
    public LlamaCppFactAttribute() => Skip = LlamaCpp.SkipReason;
}
