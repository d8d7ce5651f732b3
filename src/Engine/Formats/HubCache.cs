namespace FineTuneTool.Engine.Formats;

/// <summary>
/// The local cache of the Hub that Python's huggingface_hub shares: for each repository the folder KIND--OWNER--NAME with refs/REVISION (a file that
/// names a commit) and snapshots/COMMIT (the files).
/// </summary>
public static class HubCache
{
    public const string Models = "models", Datasets = "datasets";

    private const string DefaultRevision = "main";

    /// <summary>HF_HUB_CACHE, HF_HOME/hub, or ~/.cache/huggingface/hub, as huggingface_hub decides.</summary>
    public static string Folder =>
        Environment.GetEnvironmentVariable("HF_HUB_CACHE") is { Length: > 0 } cache ? cache :
        Environment.GetEnvironmentVariable("HF_HOME") is { Length: > 0 } home ? Path.Combine(home, "hub") :
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "huggingface", "hub");

    /// <summary>The snapshot of a repository; null where it is not there or the name is none.</summary>
    /// <param name="kind"><see cref="Models"/> or <see cref="Datasets"/>.</param>
    /// <param name="id">OWNER/NAME or NAME, with @REVISION where it is not main: a branch, a tag or a commit.</param>
    public static string? Snapshot(string kind, string id)
    {
        string[] parts = id.Split('@', 2);
        string[] names = parts[0].Split('/');
        if (names.Length > 2 || !names.Concat(parts[1..]).All(IsName))
        {
            return null;
        }

        string repository = Path.Combine(Folder, $"{kind}--{string.Join("--", names)}");
        string revision = parts.Length == 2 ? parts[1] : DefaultRevision;
        string reference = Path.Combine(repository, "refs", revision);
        string commit = File.Exists(reference) ? File.ReadAllText(reference).Trim() : revision;
        string snapshot = Path.Combine(repository, "snapshots", commit);
        return IsName(commit) && Directory.Exists(snapshot) ? snapshot : null;
    }

    /// <summary>A single path segment that stays in its folder.</summary>
    public static bool IsName(string segment) =>
        segment.Length > 0 && segment is not ("." or "..") && segment.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');
}
