using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Training;

namespace FineTuneTool.Engine.Tests.Training;

/// <summary>All weights as one safetensors file.</summary>
internal sealed class WeightsOutput(Decoder decoder) : ITrainedOutput
{
    public string FolderName => "model";

    public void Write(string folder) => SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), decoder.Trainable.Parameters.Select(parameter =>
    {
        float[] values = new float[parameter.Shape.Count];
        decoder.Trainable.ReadValues(values, parameter.Offset);
        return TensorSource.Of(StoredTensor.FromFloats(parameter.Name, parameter.Shape, values));
    }));
}
