namespace FineTuneTool.Engine.Stages;

/// <summary>Opens what a project has trained: the base, held as it was in training, with its adapter, or the model of full fine-tuning.</summary>
internal static class TrainedModel
{
    public static LoadedModel Open(StageContext context, TrainStage train)
    {
        IReadOnlyDictionary<string, string> outputs = context.OutputsOf(train);
        return outputs.TryGetValue("adapter", out string? adapter)
            ? new LoadedModel(context.BaseModel, [adapter], context.Request.Threads, BaseStorage.Of(context.Settings, context.BaseModel))
            : new LoadedModel(outputs["model"], [], context.Request.Threads);
    }
}
