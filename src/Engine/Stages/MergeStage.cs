using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Exports;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Stages;

/// <summary>Base and adapter as one Hugging Face folder, proven to answer like the two.</summary>
public sealed class MergeStage(TrainStage train) : Stage
{
    public override string Name => "merge";

    public override IEnumerable<KeyLine> KeyLines(StageContext context) => [KeyInputs.Upstream(context, train), .. KeyInputs.SamplePrompts(context)];

    public override IReadOnlyDictionary<string, string>? Run(StageContext context, string folder)
    {
        string merged = DeliveredFolder.Of(context, "merged");
        using LoadedModel model = TrainedModel.Open(context, train);
        ElementType type = TypeFor(model.Decoder);
        context.Events.Milestone($"merging into {type} weights");
        MergedFolderExport.Write(merged, model.Files, model.Decoder, model.Decoder.ActiveAdapter,
            new MergedFolderSettings(type, Format: context.AnswerFormat()));
        try
        {
            Parity.Prove(context, model, [merged]);
        }
        catch
        {
            Directory.Delete(merged, recursive: true);
            throw;
        }

        DeliveredFolder.Sign(merged, context.Key(this));
        return new Dictionary<string, string> { ["merged"] = merged };
    }

    public override bool Check(StageContext context, StageResult result) => DeliveredFolder.IsOf(result.Outputs["merged"], context.Key(this));

    /// <summary>The base's own 16-bit or 32-bit type; F32 for blocks, whose numbers no 16-bit type holds exactly.</summary>
    private static ElementType TypeFor(Decoder decoder)
    {
        IReadOnlyList<ElementType> types = [.. decoder.Weights.Where(weight => weight.Shape.Rank > 1).Select(weight => weight.Value.Type)];
        return types[0] is ElementType.F16 or ElementType.BF16 && !types.Any(ElementTypes.IsQuantized) ? types[0] : ElementType.F32;
    }
}
