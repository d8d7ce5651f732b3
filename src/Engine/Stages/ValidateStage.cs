using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Evaluation;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Stages;

/// <summary>
/// Everything that can be known before hours of work: settings, model, tokenizer, template on the first rows of each file, adapter targets, gates, exports.
/// </summary>
public sealed class ValidateStage(PreprocessStage preprocess) : Stage
{
    /// <summary>Rows of each file that are rendered and tokenised here; Preprocess does all of them.</summary>
    private const int RowsTried = 8;

    public override string Name => "validate";

    public override IEnumerable<KeyLine> KeyLines(StageContext context) =>
    [
        .. preprocess.KeyLines(context),
        .. KeyInputs.BaseModel(context),
        .. context.SettingLines(SettingTable.All.Select(setting => setting.Name)),
        .. KeyInputs.SamplePrompts(context),
        .. from item in context.Request.Items
           where item.Type is "GgufExport" or QualityGate.ItemType
           select new KeyLine($"{item.Type} {item.Include}", string.Join(' ', item.Metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"))),
    ];

    public override IReadOnlyDictionary<string, string>? Run(StageContext context, string folder)
    {
        CheckItems(context);
        CheckData(context);
        CheckModel(context);
        return new Dictionary<string, string>();
    }

    private static void CheckItems(StageContext context)
    {
        ExportGgufStage.Types(context.Request);
        foreach (ProjectItem item in context.Request.ItemsOf(QualityGate.ItemType))
        {
            QualityGate.Parse(item);
        }
    }

    private static void CheckData(StageContext context)
    {
        PromptTemplate template = context.Template(context.Tokenizer);
        var tokenizer = new ExampleTokenizer(context.Tokenizer, template, PreprocessSettings.From(context.Settings));
        foreach (DataSource source in PreprocessStage.Sources(context))
        {
            foreach (Example example in ExampleReader.Read(source).Take(RowsTried))
            {
                context.Stop.ThrowIfCancellationRequested();
                tokenizer.Tokenize(example);
            }
        }
    }

    private static void CheckModel(StageContext context)
    {
        using ModelFiles files = ModelFiles.Open(context.BaseModel);
        using Backend backend = files.HasWeights ? CpuBackend.Create(threads: 1) : new PlanningBackend(context.ActivationType, threads: 1);
        using Decoder decoder = Decoder.Load(files, backend, initial: context.InitialWeights is { } initial ? initial with { Planned = true } : null);
        BaseStorage.Of(context.Settings, files, context.PlaceOf(nameof(RunSettings.Quantization)));
        if (!context.Settings.IsFull)
        {
            using Adapter adapter = TrainStage.AdapterOf(context, decoder, planned: true);
        }
    }
}
