using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Training;

/// <summary>The result of training an adapter: a folder in PEFT's layout.</summary>
/// <param name="baseModelName">Name of the base model for whoever loads the adapter.</param>
public sealed class AdapterOutput(Adapter adapter, string? baseModelName) : ITrainedOutput
{
    public string FolderName => "adapter";

    public void Write(string folder) => adapter.Write(folder, baseModelName);
}
