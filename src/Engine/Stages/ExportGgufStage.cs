using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Exports;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Stages;

/// <summary>The tuned model as GGUF files of the wanted types, each proven to answer like base plus adapter before it appears.</summary>
public sealed class ExportGgufStage(TrainStage train) : Stage
{
    public override string Name => "exportgguf";

    public override IEnumerable<KeyLine> KeyLines(StageContext context) =>
    [
        KeyInputs.Upstream(context, train), new KeyLine("types", string.Join(' ', Types(context.Request))), .. KeyInputs.SamplePrompts(context),
    ];

    public override IReadOnlyDictionary<string, string>? Run(StageContext context, string folder)
    {
        string target = DeliveredFolder.Of(context, "gguf");
        IReadOnlyList<ElementType> types = Types(context.Request);
        using LoadedModel model = TrainedModel.Open(context, train);
        AnswerFormat format = context.AnswerFormat();
        AtomicFolder.Write(target, path =>
        {
            foreach (ElementType type in types)
            {
                context.Stop.ThrowIfCancellationRequested();
                GgufExport.Write(Path.Combine(path, FileName(context, type)), model.Files, model.Decoder, model.Decoder.ActiveAdapter,
                    new GgufExportSettings(type, context.Request.Project.Name, format));
            }

            Parity.Prove(context, model, types.Select(type => Path.Combine(path, FileName(context, type))));
            DeliveredFolder.Sign(path, context.Key(this));
        });
        return types.ToDictionary(type => type.ToString(), type => Path.Combine(target, FileName(context, type)));
    }

    public override bool Check(StageContext context, StageResult result) =>
        DeliveredFolder.IsOf(DeliveredFolder.Of(context, "gguf"), context.Key(this));

    /// <summary>The types of the GgufExport items, once each; Q8_0 where the project names none.</summary>
    /// <exception cref="FineTuneException">FT0001: a type that cannot be written.</exception>
    internal static IReadOnlyList<ElementType> Types(ProjectRequest request)
    {
        IReadOnlyList<string> names = [.. GgufExport.Types.Select(type => type.Type.ToString())];
        List<ElementType> types = [];
        foreach (ProjectItem item in request.ItemsOf("GgufExport"))
        {
            int index = names.ToList().FindIndex(name => string.Equals(name, item.Include, StringComparison.OrdinalIgnoreCase));
            types.Add(index >= 0 ? GgufExport.Types[index].Type : throw new FineTuneException(Codes.BadSetting,
                $"GgufExport names the type {item.Include}", $"but must be one of {string.Join(", ", names)}.", new SourcePosition(item.File, item.Line, item.Column)));
        }

        return types.Count == 0 ? [ElementType.Q8_0] : [.. types.Distinct()];
    }

    private static string FileName(StageContext context, ElementType type) => $"{context.Request.Project.Name}-{type}.gguf";
}
