using System.Text.Json.Nodes;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Tool.Inspection;

/// <summary>An adapter folder as PEFT lays it out.</summary>
internal static class AdapterInspection
{
    public static bool Fits(string path) => File.Exists(Path.Combine(path, PeftConfig.FileName));

    public static JsonObject Describe(string path)
    {
        using PeftAdapter adapter = PeftAdapter.Read(path);
        var description = new JsonObject
        {
            ["peft_type"] = adapter.Config.PeftType,
            ["base_model"] = adapter.Config.BaseModelNameOrPath,
            ["config"] = adapter.Config.Raw.DeepClone(),
        };
        TensorInspection.Add(description, adapter.Tensors);
        return description;
    }
}
