using FineTuneTool.Engine.Exports;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Training;

namespace FineTuneTool.Engine.Stages;

/// <summary>The result of full fine-tuning: a Hugging Face folder with the trained weights in F32, as they were trained.</summary>
internal sealed class ModelOutput(Decoder decoder, ModelFiles files) : ITrainedOutput
{
    public string FolderName => "model";

    public void Write(string folder) => MergedFolderExport.Write(folder, files, decoder, adapter: null, new MergedFolderSettings(ElementType.F32));
}
