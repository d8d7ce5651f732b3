using System.Globalization;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Formats;

/// <summary>Free space where a file or folder shall be written.</summary>
public static class DiskSpace
{
    /// <summary>Raises <see cref="Codes.NotEnoughDisk"/> where fewer than <paramref name="bytes"/> are free on the disk of <paramref name="path"/>.</summary>
    public static void Require(string path, long bytes)
    {
        string existing = Path.GetFullPath(path);
        while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { } parent)
        {
            existing = parent;
        }

        long free = new DriveInfo(existing).AvailableFreeSpace;
        if (free < bytes)
        {
            throw new FineTuneException(
                Codes.NotEnoughDisk,
                string.Create(CultureInfo.InvariantCulture, $"'{path}' needs {bytes / 1e9:0.00} GB, but {free / 1e9:0.00} GB are free."),
                "Free some space, or write to another disk.", new SourcePosition(path));
        }
    }
}
