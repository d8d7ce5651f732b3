using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Formats;

/// <summary>Folders that appear complete or not at all: filled under a temporary name beside the target, then renamed.</summary>
public static class AtomicFolder
{
    /// <summary>
    /// Creates or replaces a folder with what <paramref name="fill"/> puts into the path that it is given. A full disk raises
    /// <see cref="Codes.NotEnoughDisk"/>, any other failure to write <see cref="Codes.FileUnwritable"/>; then the target is as it was before.
    /// </summary>
    public static void Write(string path, Action<string> fill)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        string id = Guid.NewGuid().ToString("N");
        string temporary = $"{full}.{id}.tmp", replaced = $"{full}.{id}.old";
        WriteFailure.Guard(path, () =>
        {
            try
            {
                Directory.CreateDirectory(temporary);
                fill(temporary);
                if (Directory.Exists(full))
                {
                    Directory.Move(full, replaced);
                }

                Directory.Move(temporary, full);
            }
            catch when (Directory.Exists(replaced) && !Directory.Exists(full))
            {
                Directory.Move(replaced, full);
                throw;
            }
            finally
            {
                Remove(temporary);
            }

            Remove(replaced);
        });
    }

    private static void Remove(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
