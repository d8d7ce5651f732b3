namespace FineTuneTool.Engine.Protocol;

/// <summary>The settings of a project after defaults and checks, typed; made by <see cref="SettingsParser"/>.</summary>
public sealed record RunSettings
{
    private readonly IReadOnlyDictionary<string, string> _texts;

    internal RunSettings(IReadOnlyDictionary<string, string> texts) => _texts = texts;

    /// <summary>The effective value of a setting as normalised text; "" where it has none.</summary>
    public string this[string name] => _texts.TryGetValue(name, out string? value) ? value : throw new ArgumentException($"No setting {name}.", nameof(name));

    public string FineTuneMethod => this[nameof(FineTuneMethod)];
    public bool IsFull => FineTuneMethod == "full";
    public string BaseModel => this[nameof(BaseModel)];
    public string ComputeType => this[nameof(ComputeType)];
    public string InitialAdapter => this[nameof(InitialAdapter)];
    public string Quantization => this[nameof(Quantization)];
    public bool DoubleQuantization => Boolean(nameof(DoubleQuantization));
    public string PromptTemplate => this[nameof(PromptTemplate)];
    public string SystemPrompt => this[nameof(SystemPrompt)];
    public int MaxSeqLength => Integer(nameof(MaxSeqLength));
    public bool SamplePacking => Boolean(nameof(SamplePacking));
    public string ExcessLengthStrategy => this[nameof(ExcessLengthStrategy)];
    public int ChunkOverlap => Integer(nameof(ChunkOverlap));
    public bool TrainOnInputs => Boolean(nameof(TrainOnInputs));
    public IReadOnlyList<string> RolesToTrain => List(nameof(RolesToTrain));
    public string TurnsToTrain => this[nameof(TurnsToTrain)];
    public double ValidationSplitRatio => Number(nameof(ValidationSplitRatio));
    public double TestSplitRatio => Number(nameof(TestSplitRatio));
    public bool DeduplicateData => Boolean(nameof(DeduplicateData));
    public string NearDuplicates => this[nameof(NearDuplicates)];
    public double NearDuplicateThreshold => Number(nameof(NearDuplicateThreshold));
    public int MinChars => Integer(nameof(MinChars));
    public int MaxChars => Integer(nameof(MaxChars));
    public double MinLetterRatio => Number(nameof(MinLetterRatio));
    public double MaxRepetitionRatio => Number(nameof(MaxRepetitionRatio));
    public double MaxBrokenRatio => Number(nameof(MaxBrokenRatio));
    public int LoraRank => Integer(nameof(LoraRank));
    public double LoraAlpha => Number(nameof(LoraAlpha));
    public double LoraDropout => Number(nameof(LoraDropout));
    public IReadOnlyList<string> LoraTargetModules => List(nameof(LoraTargetModules));
    public IReadOnlyList<string> LoraExcludeModules => List(nameof(LoraExcludeModules));
    public IReadOnlyList<string> LoraLayers => List(nameof(LoraLayers));
    public IReadOnlyList<string> LoraRankPattern => List(nameof(LoraRankPattern));
    public IReadOnlyList<string> LoraAlphaPattern => List(nameof(LoraAlphaPattern));
    public IReadOnlyList<string> ModulesToSave => List(nameof(ModulesToSave));
    public string LoraInit => this[nameof(LoraInit)];
    public bool UseDora => Boolean(nameof(UseDora));
    public bool UseRsLora => Boolean(nameof(UseRsLora));
    public int PrefixLength => Integer(nameof(PrefixLength));
    public bool PrefixProjection => Boolean(nameof(PrefixProjection));
    public double NumEpochs => Number(nameof(NumEpochs));
    public int MaxSteps => Integer(nameof(MaxSteps));
    public int MicroBatchSize => Integer(nameof(MicroBatchSize));
    public int GradientAccumulationSteps => Integer(nameof(GradientAccumulationSteps));
    public double LearningRate => Number(nameof(LearningRate));
    public string LrScheduler => this[nameof(LrScheduler)];
    public double WarmupRatio => Number(nameof(WarmupRatio));
    public int WarmupSteps => Integer(nameof(WarmupSteps));
    public double MinLrRatio => Number(nameof(MinLrRatio));
    public double LoraPlusLrRatio => Number(nameof(LoraPlusLrRatio));
    public double NeftuneNoiseAlpha => Number(nameof(NeftuneNoiseAlpha));
    public string Optimizer => this[nameof(Optimizer)];
    public double WeightDecay => Number(nameof(WeightDecay));
    public double AdamBeta1 => Number(nameof(AdamBeta1));
    public double AdamBeta2 => Number(nameof(AdamBeta2));
    public double AdamEpsilon => Number(nameof(AdamEpsilon));
    public double MaxGradNorm => Number(nameof(MaxGradNorm));
    public string GradientCheckpointing => this[nameof(GradientCheckpointing)];

    /// <summary>Bytes; null where it is what is free.</summary>
    public long? MaxMemory => SettingNumbers.Integer(this[nameof(MaxMemory)]);

    public int EvalSteps => Integer(nameof(EvalSteps));
    public int SaveSteps => Integer(nameof(SaveSteps));
    public int SaveTotalLimit => Integer(nameof(SaveTotalLimit));
    public int LoggingSteps => Integer(nameof(LoggingSteps));
    public int EarlyStoppingPatience => Integer(nameof(EarlyStoppingPatience));
    public string MetricForBestModel => this[nameof(MetricForBestModel)];
    public bool LoadBestModelAtEnd => Boolean(nameof(LoadBestModelAtEnd));
    public ulong Seed => (ulong)SettingNumbers.Integer(this[nameof(Seed)])!.Value;
    public bool ShuffleData => Boolean(nameof(ShuffleData));
    public double Temperature => Number(nameof(Temperature));
    public double TopP => Number(nameof(TopP));
    public int TopK => Integer(nameof(TopK));
    public double MinP => Number(nameof(MinP));
    public double RepetitionPenalty => Number(nameof(RepetitionPenalty));
    public int MaxNewTokens => Integer(nameof(MaxNewTokens));

    private int Integer(string name) => checked((int)SettingNumbers.Integer(this[name])!.Value);

    private double Number(string name) => SettingNumbers.Number(this[name])!.Value;

    private bool Boolean(string name) => this[name] == "true";

    private string[] List(string name) => this[name].Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
