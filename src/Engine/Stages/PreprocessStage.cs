using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Stages;

/// <summary>Rows → filtered, split → rendered → tokens with labels: three tokenised data sets, statistics and a preview.</summary>
public sealed class PreprocessStage : Stage
{
    private static readonly string[] Read =
    [
        nameof(RunSettings.SystemPrompt), nameof(RunSettings.MaxSeqLength), nameof(RunSettings.ExcessLengthStrategy), nameof(RunSettings.TrainOnInputs),
        nameof(RunSettings.ChunkOverlap), nameof(RunSettings.RolesToTrain), nameof(RunSettings.TurnsToTrain), nameof(RunSettings.NearDuplicates),
        nameof(RunSettings.NearDuplicateThreshold), nameof(RunSettings.MinLetterRatio), nameof(RunSettings.MaxRepetitionRatio), nameof(RunSettings.MaxBrokenRatio),
        nameof(RunSettings.ValidationSplitRatio), nameof(RunSettings.TestSplitRatio), nameof(RunSettings.DeduplicateData), nameof(RunSettings.MinChars),
        nameof(RunSettings.MaxChars), nameof(RunSettings.Seed),
    ];

    public override string Name => "preprocess";

    public override IEnumerable<KeyLine> KeyLines(StageContext context) =>
    [
        .. KeyInputs.Tokenizer(context),
        KeyInputs.Template(context),
        .. context.SettingLines(Read),
        .. DataItems(context).Select(item => KeyInputs.Data(context, item)),
    ];

    public override IReadOnlyDictionary<string, string>? Run(StageContext context, string folder)
    {
        IReadOnlyList<DataSource> sources = Sources(context);
        Tokenizer tokenizer = context.Tokenizer;
        var pipeline = new PreprocessPipeline(PreprocessSettings.From(context.Settings), tokenizer, context.Template(tokenizer), context.Events);
        PreprocessResult result = pipeline.Run(sources, folder, context.Request.Threads, context.Stop);
        PreprocessStatistics statistics = result.Statistics;
        context.Events.Milestone(statistics.Summary);
        return new Dictionary<string, string>
        {
            ["train"] = PreprocessPipeline.TrainFile,
            ["validation"] = PreprocessPipeline.ValidationFile,
            ["test"] = PreprocessPipeline.TestFile,
            ["statistics"] = PreprocessPipeline.StatisticsFile,
            ["preview"] = PreprocessPipeline.PreviewFile,
            ["dropped"] = PreprocessPipeline.DroppedFile,
        };
    }

    /// <summary>The data of a project, each checked.</summary>
    /// <exception cref="FineTuneException">FT0006: there is none; FT0101 and FT0001 for a single item.</exception>
    internal static IReadOnlyList<DataSource> Sources(StageContext context) => [.. DataItems(context).Select(DataSource.From)];

    private static IReadOnlyList<ProjectItem> DataItems(StageContext context)
    {
        IReadOnlyList<ProjectItem> items = [.. context.Request.Items.Where(item => DataSource.ItemTypes.ContainsKey(item.Type)).SelectMany(HubDataset.Parts)];
        return items.Any(item => item.Type == "TrainingData") ? items : throw new FineTuneException(Codes.NoTrainingData, "The project names no training data.",
            "Add <TrainingData Include=\"data/train.jsonl\" /> to an ItemGroup; an Include that matches no file counts as none.", new SourcePosition(context.Request.Project.File));
    }
}
