using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Stages;

/// <summary>Opens what a project has trained: the base, held as it was in training, with its adapter, or the model of full fine-tuning.</summary>
internal static class TrainedModel
{
    /// <param name="activationType">What it computes with; F32 proves, the project's type measures.</param>
    public static LoadedModel Open(StageContext context, TrainStage train, ElementType activationType = ElementType.F32)
    {
        IReadOnlyDictionary<string, string> outputs = context.OutputsOf(train);
        return outputs.TryGetValue("adapter", out string? adapter)
            ? new LoadedModel(context.BaseModel, [adapter], context.Request.Threads, BaseStorage.Of(context.Settings, context.BaseModel), activationType)
            : new LoadedModel(outputs["model"], [], context.Request.Threads, activationType: activationType);
    }
}
