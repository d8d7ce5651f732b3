using System.Security.Cryptography;
using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Stages;

/// <summary>
/// SHA-256 of files, remembered by path, size and time of last change, so that a build that changes nothing does not read gigabytes.
/// A file changed within two seconds before it was hashed is not remembered, since its time could hide a second change.
/// </summary>
public sealed class ContentHashes
{
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(2);

    private readonly string _path;
    private readonly Dictionary<string, Entry> _entries;
    private bool _changed;

    /// <param name="path">The file that remembers; made when missing, ignored when damaged.</param>
    public ContentHashes(string path)
    {
        _path = path;
        _entries = Load(path);
    }

    public string Of(string file)
    {
        string full = Path.GetFullPath(file);
        var info = new FileInfo(full);
        if (!info.Exists)
        {
            throw new FineTuneException(Codes.FileUnreadable, $"{full} does not exist.", "Check the path in the project.");
        }

        var stamp = new Entry(info.Length, info.LastWriteTimeUtc.Ticks, "");
        if (_entries.TryGetValue(full, out Entry? known) && known with { Hash = "" } == stamp)
        {
            return known.Hash;
        }

        string hash;
        try
        {
            using FileStream stream = File.OpenRead(full);
            hash = Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new FineTuneException(Codes.FileUnreadable, $"{full} cannot be read: {exception.Message}", "Check that the file is readable.", inner: exception);
        }

        if (DateTime.UtcNow - info.LastWriteTimeUtc > Settled)
        {
            _entries[full] = stamp with { Hash = hash };
            _changed = true;
        }

        return hash;
    }

    public void Save()
    {
        if (_changed)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            string temporary = $"{_path}.{Environment.ProcessId}.tmp";
            File.WriteAllText(temporary, JsonSerializer.Serialize(_entries, StageJson.Default.DictionaryStringEntry));
            File.Move(temporary, _path, overwrite: true);
            _changed = false;
        }
    }

    private static Dictionary<string, Entry> Load(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllText(path), StageJson.Default.DictionaryStringEntry) ?? [] : [];
        }
        catch (Exception exception) when (exception is JsonException or IOException)
        {
            return [];
        }
    }

    internal sealed record Entry(long Size, long Ticks, string Hash);
}
