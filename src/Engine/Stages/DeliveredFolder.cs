using System.Text.Json;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Stages;

/// <summary>
/// A folder under bin that a person takes away. It holds one result at a time; a small file in it names the key that made it, so that going
/// back to earlier settings is noticed.
/// </summary>
internal static class DeliveredFolder
{
    private const string FileName = "finetune.json";

    public static string Of(StageContext context, string name) => Path.Combine(context.Request.Project.BinFolder, name);

    public static void Sign(string folder, StageKey key) => AtomicFile.WriteText(
        Path.Combine(folder, FileName), JsonSerializer.Serialize(new Dictionary<string, string> { ["key"] = key.Hash }, StageJson.Default.DictionaryStringString));

    public static bool IsOf(string folder, StageKey key)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            return File.Exists(path)
                && JsonSerializer.Deserialize(File.ReadAllText(path), StageJson.Default.DictionaryStringString)?.GetValueOrDefault("key") == key.Hash;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
