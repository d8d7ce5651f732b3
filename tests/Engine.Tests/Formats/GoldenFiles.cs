using System.Text.Json;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Formats;

/// <summary>The recorded files and verdicts under tests/Goldens/formats.</summary>
internal static class GoldenFiles
{
    public static string Folder { get; } = Path.Combine(Paths.Goldens, "formats");

    public static string PathOf(params string[] parts) => Path.Combine([Folder, .. parts]);

    public static JsonElement Json(params string[] parts) => JsonDocument.Parse(File.ReadAllBytes(PathOf(parts))).RootElement;
}
