using Xunit;

namespace FineTuneTool.TestKit;

/// <summary>Where the repository, the goldens copied into it, and the reference data beside it lie.</summary>
public static class Paths
{
    public static string Repository { get; } = FindRepository();

    /// <summary>Small reference files that travel with the repository.</summary>
    public static string Goldens => Path.Combine(Repository, "tests", "Goldens");

    /// <summary>Reference data beside the checkout (FINETUNE_SHARED overrides); may be absent.</summary>
    public static string Shared => Environment.GetEnvironmentVariable("FINETUNE_SHARED") ?? Path.GetFullPath(Path.Combine(Repository, "..", "shared"));

    public static string SmolLm2 => Path.Combine(Shared, "models", "SmolLM2-135M-Instruct.Q4_1.gguf");

    /// <summary>From where the tests run, not from where they were compiled: deterministic builds do not know their folder.</summary>
    private static string FindRepository()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "FineTuneTool.sln")))
            {
                return folder;
            }
        }

        throw new InvalidOperationException("The repository root was not found above the tests.");
    }
}

/// <summary>A test that needs a path of the reference data beside the checkout; skipped, visibly, where it is absent.</summary>
public sealed class SharedFactAttribute : FactAttribute
{
    public SharedFactAttribute(string path) => Skip = SharedData.SkipReason(path);
}

/// <summary>As <see cref="SharedFactAttribute"/>, for theories.</summary>
public sealed class SharedTheoryAttribute : TheoryAttribute
{
    public SharedTheoryAttribute(string path) => Skip = SharedData.SkipReason(path);
}

internal static class SharedData
{
    public static string? SkipReason(string path)
    {
        string full = Path.Combine(Paths.Shared, path);
        return File.Exists(full) || Directory.Exists(full) ? null : $"needs {path} of the reference data, which is not beside this checkout";
    }
}
