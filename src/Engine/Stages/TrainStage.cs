using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Training;
using FineTuneTool.Engine.Training.Optimizers;

namespace FineTuneTool.Engine.Stages;

/// <summary>Trains an adapter or all weights on the preprocessed rows; goes on from the newest checkpoint of the same key.</summary>
public sealed class TrainStage(PreprocessStage preprocess) : Stage
{
    private static readonly string[] Read =
    [
        nameof(RunSettings.FineTuneMethod), nameof(RunSettings.MaxSeqLength), nameof(RunSettings.SamplePacking), nameof(RunSettings.ShuffleData),
        nameof(RunSettings.NumEpochs), nameof(RunSettings.MaxSteps), nameof(RunSettings.MicroBatchSize), nameof(RunSettings.GradientAccumulationSteps),
        nameof(RunSettings.LearningRate), nameof(RunSettings.LrScheduler), nameof(RunSettings.WarmupRatio), nameof(RunSettings.WarmupSteps),
        nameof(RunSettings.MinLrRatio), nameof(RunSettings.LoraPlusLrRatio), nameof(RunSettings.NeftuneNoiseAlpha), nameof(RunSettings.Optimizer),
        nameof(RunSettings.WeightDecay), nameof(RunSettings.AdamBeta1), nameof(RunSettings.AdamBeta2), nameof(RunSettings.AdamEpsilon),
        nameof(RunSettings.MaxGradNorm), nameof(RunSettings.EvalSteps), nameof(RunSettings.SaveSteps), nameof(RunSettings.SaveTotalLimit),
        nameof(RunSettings.LoggingSteps), nameof(RunSettings.EarlyStoppingPatience), nameof(RunSettings.MetricForBestModel),
        nameof(RunSettings.LoadBestModelAtEnd), nameof(RunSettings.Seed),
    ];

    public override string Name => "train";

    public override bool Resumes => true;

    public override IEnumerable<KeyLine> KeyLines(StageContext context)
    {
        List<KeyLine> lines = [KeyInputs.Upstream(context, preprocess), KeyInputs.ComputeType(context), .. KeyInputs.BaseModel(context), .. context.SettingLines(Read)];
        if (!context.Settings.IsFull)
        {
            lines.AddRange(context.SettingLines(nameof(RunSettings.Quantization), nameof(RunSettings.DoubleQuantization)));
        }

        if (TrainingBudget.MayChangeNumbers(context.Settings))
        {
            lines.AddRange(context.SettingLines(nameof(RunSettings.MaxMemory)));
        }

        if (InitialAdapter(context) is string folder)
        {
            using PeftAdapter adapter = PeftAdapter.Read(folder);
            lines.AddRange(adapter.ContentFiles.Select(path => new KeyLine($"initial adapter {Path.GetFileName(path)}", context.Hashes.Of(path))));
        }
        else if (!context.Settings.IsFull)
        {
            lines.AddRange(context.SettingLines(SettingTable.All.Where(setting => setting.IsForNewAdapters && setting.AppliesTo(context.Settings.FineTuneMethod)).Select(setting => setting.Name)));
        }

        return lines;
    }

    public override IReadOnlyDictionary<string, string>? Run(StageContext context, string folder)
    {
        RunSettings settings = context.Settings;
        IReadOnlyDictionary<string, string> data = context.OutputsOf(preprocess);
        using TokenizedDataset rows = TokenizedDataset.Open(data["train"]);
        using TokenizedDataset validation = TokenizedDataset.Open(data["validation"]);

        using var backend = CpuBackend.Create(context.Request.Threads, activationType: context.ActivationType);
        using ModelFiles files = ModelFiles.Open(context.BaseModel);
        WeightStorage? storage = BaseStorage.Of(settings, files, context.PlaceOf(nameof(RunSettings.Quantization)));
        if (storage is not null)
        {
            context.Events.Milestone(BaseStorage.Describe(storage, files));
        }

        using Decoder decoder = Decoder.Load(files, backend, storage, initial: context.InitialWeights);
        if (!files.HasWeights)
        {
            context.Events.Milestone($"{settings.BaseModel} has no weights: training begins with random ones (Seed {settings.Seed})");
        }

        using Adapter? adapter = Prepare(context, decoder);
        context.Events.Milestone($"training {decoder.Trainable.Count:N0} parameters on {rows.Count:N0} rows with {rows.SupervisedTokens:N0} supervised tokens ({backend.Name}, {backend.Threads} threads)");

        TrainingSettings training = TrainingSettings.From(settings);
        MemoryChoice choice = TrainingBudget.Choose(context, decoder, OptimizerKinds.Find(training.Optimizer), rows.Tokens);
        decoder.CheckpointedLayers = choice.CheckpointedLayers;
        training = training with
        {
            MicroBatchSize = choice.MicroBatchSize,
            GradientAccumulationSteps = training.GradientAccumulationSteps * (training.MicroBatchSize / choice.MicroBatchSize),
        };
        var sampling = new BatchSamplerSettings(settings.MaxSeqLength, choice.MicroBatchSize, settings.SamplePacking, settings.ShuffleData, settings.Seed);
        ITrainedOutput output = adapter is null ? new ModelOutput(decoder, files) : new AdapterOutput(adapter, settings.BaseModel);
        var trainer = new Trainer(
            decoder, output, training, new TrainingBatches(rows, sampling),
            validation.SupervisedTokens > 0 ? new TrainingBatches(validation, sampling with { ShuffleData = false }) : null,
            folder, context.Events, context.Key(this).Hash, new OptimizerMemory(backend, choice.PagesState ? folder : null));
        return trainer.Run(context.Stop).Status == TrainingStatus.Stopped ? null : new Dictionary<string, string>
        {
            [output.FolderName] = output.FolderName,
            ["metrics"] = MetricsCsv.FileName,
            ["summary"] = TrainingSummary.FileName,
        };
    }

    /// <summary>Makes a decoder ready to be trained as the project says: all weights (null), or an adapter that is laid over it.</summary>
    internal static Adapter? Prepare(StageContext context, Decoder decoder, bool planned = false)
    {
        if (context.Settings.IsFull)
        {
            decoder.TrainAllWeights();
            return null;
        }

        return decoder.ActiveAdapter = AdapterOf(context, decoder, planned);
    }

    /// <param name="planned">For checks and plans: a fresh adapter need not begin with its numbers.</param>
    internal static Adapter AdapterOf(StageContext context, Decoder decoder, bool planned = false)
    {
        if (InitialAdapter(context) is not string folder)
        {
            if (context.Settings.FineTuneMethod == "prefix")
            {
                return PrefixAdapter.Create(decoder, PrefixSettings.From(context.Settings), context.Settings.Seed);
            }

            LoraSettings lora = LoraSettings.From(context.Settings, context.PlaceOf);
            return planned ? LoraAdapter.Plan(decoder, lora) : LoraAdapter.Create(decoder, lora, context.Settings.Seed);
        }

        using PeftAdapter files = PeftAdapter.Read(folder);
        return AdapterKinds.Load(decoder, files, trainable: true);
    }

    private static string? InitialAdapter(StageContext context)
    {
        if (context.Settings.IsFull || context.Settings.InitialAdapter.Length == 0)
        {
            return null;
        }

        string folder = Path.GetFullPath(Path.Combine(context.Request.Project.Directory, context.Settings.InitialAdapter));
        return Directory.Exists(folder) ? folder : throw new FineTuneException(Codes.FileUnreadable, $"The initial adapter {folder} does not exist.",
            "InitialAdapter names a PEFT adapter folder, relative to the project.", context.PlaceOf(nameof(RunSettings.InitialAdapter)));
    }
}
