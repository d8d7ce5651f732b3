using System.Text;

namespace FineTuneTool.Tasks;

/// <summary>
/// Lets one project at a time use the processor for training: two that train together take longer than one after the other, and twice the memory.
/// The lock is a file that stays open; the system releases it also when the process that holds it dies.
/// </summary>
internal sealed class DeviceLock : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly FileStream _file;

    private DeviceLock(FileStream file) => _file = file;

    /// <summary>A folder of the user, shared by all builds of this machine.</summary>
    public static string DefaultFolder
    {
        get
        {
            string home = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
            return Path.Combine(home.Length > 0 ? home : Path.GetTempPath(), "FineTuneTool", "locks");
        }
    }

    /// <summary>Waits for the lock. Null when <paramref name="cancelled"/> was set first, or when the folder cannot be written (then nothing is locked).</summary>
    /// <param name="waiting">Called once, with the name of the project that holds the lock, when there is something to wait for.</param>
    public static DeviceLock? Acquire(string folder, string device, string project, WaitHandle cancelled, Action<string> waiting)
    {
        string path = Path.Combine(folder, device + ".lock");
        string holder = Path.Combine(folder, device + ".holder");
        bool said = false;
        do
        {
            try
            {
                Directory.CreateDirectory(folder);
                var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
                WriteHolder(holder, project);
                return new DeviceLock(file);
            }
            catch (UnauthorizedAccessException)
            {
                return null;
            }
            catch (IOException) when (!File.Exists(path))
            {
                return null;
            }
            catch (IOException)
            {
                if (!said)
                {
                    waiting(ReadHolder(holder));
                    said = true;
                }
            }
        }
        while (!cancelled.WaitOne(Pause));

        return null;
    }

    public void Dispose() => _file.Dispose();

    private static void WriteHolder(string path, string project)
    {
        try
        {
            File.WriteAllText(path, project, Encoding.UTF8);
        }
        catch (IOException)
        {
            // Only the name in a message is lost.
        }
    }

    private static string ReadHolder(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return "another project";
        }
    }
}
