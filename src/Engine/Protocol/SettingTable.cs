namespace FineTuneTool.Engine.Protocol;

/// <summary>What a setting's text must be.</summary>
public enum SettingKind
{
    Text,
    Choice,
    Integer,
    Number,
    Boolean,
    List,

    /// <summary><c>auto</c>, or an amount of memory: bytes, or a number with KiB, MiB or GiB.</summary>
    Memory,
}

/// <summary>Which methods a setting is for.</summary>
public enum SettingScope
{
    Always,

    /// <summary>Whatever trains an adapter.</summary>
    Adapters,

    /// <summary>What trains LoRA adapters.</summary>
    Lora,

    /// <summary>What makes a fresh LoRA adapter; one that training starts from brings its own.</summary>
    NewLora,

    /// <summary>What makes a fresh prefix.</summary>
    NewPrefix,
}

/// <summary>
/// One declarative setting: its name in the project file, what it may hold, its default by method, and what it means.
/// </summary>
/// <param name="Default">The default as text; "" = none. A value that differs by method is written <c>lora=16 qlora=64</c>, with <c>*=</c> for the others.</param>
/// <param name="Allowed">For choices: the allowed words.</param>
/// <param name="Minimum">Smallest allowed number; exclusive where <paramref name="MinimumExclusive"/>.</param>
public sealed record SettingDefinition(
    string Name,
    SettingKind Kind,
    string Default,
    string Meaning,
    IReadOnlyList<string>? Allowed = null,
    double Minimum = double.NegativeInfinity,
    double Maximum = double.PositiveInfinity,
    bool MinimumExclusive = false,
    SettingScope Scope = SettingScope.Always)
{
    /// <summary>The setting shapes a fresh adapter.</summary>
    public bool IsForNewAdapters => Scope is SettingScope.NewLora or SettingScope.NewPrefix;

    /// <summary>Whether the setting means anything with a method.</summary>
    public bool AppliesTo(string method) => SettingTable.MethodsOf(Scope).Contains(method);

    /// <summary>The default text for a method; "" where there is none.</summary>
    public string DefaultFor(string method)
    {
        if (!Default.Contains('='))
        {
            return Default;
        }

        string fallback = "";
        foreach (string part in Default.Split(' '))
        {
            int equals = part.IndexOf('=');
            string key = part[..equals], value = part[(equals + 1)..];
            if (key == method)
            {
                return value;
            }

            if (key == "*")
            {
                fallback = value;
            }
        }

        return fallback;
    }
}

/// <summary>
/// The table of settings: names, defaults, limits and meaning stand here and nowhere else. The SDK's property files and docs/settings.md are checked against it.
/// </summary>
public static class SettingTable
{
    public static IReadOnlyList<string> Methods { get; } = ["full", "lora", "qlora", "prefix"];

    /// <summary>The methods that a scope means.</summary>
    public static IReadOnlyList<string> MethodsOf(SettingScope scope) => scope switch
    {
        SettingScope.Always => Methods,
        SettingScope.Adapters => ["lora", "qlora", "prefix"],
        SettingScope.NewPrefix => ["prefix"],
        _ => ["lora", "qlora"],
    };

    public static IReadOnlyList<string> LrSchedulers { get; } =
    [
        "linear", "cosine", "cosine-with-restarts", "polynomial", "constant", "constant-with-warmup", "inverse-sqrt",
        "cosine-with-min-lr", "warmup-stable-decay",
    ];

    public static IReadOnlyList<string> MetricsForBestModel { get; } = ["EvalLoss", "TokenAccuracy"];

    public static IReadOnlyList<string> Optimizers { get; } =
        ["adamw", "adamw-8bit", "paged-adamw-8bit", "paged-adamw", "sgd", "adafactor", "lion"];

    public static IReadOnlyList<SettingDefinition> All { get; } =
    [
        // Model and method
        new("FineTuneMethod", SettingKind.Choice, "lora", "What is trained: every weight (full), a low-rank adapter (lora), a low-rank adapter on a quantised base (qlora), or keys and values before every text (prefix)", Methods),
        new("BaseModel", SettingKind.Text, "", "The model to start from: a .gguf file, a Hugging Face folder, or a Hub id[@revision] that lies in the local Hub cache; for full also a folder with config.json and a tokenizer but no weights, which then begin as random numbers (Seed)"),
        new("InitialAdapter", SettingKind.Text, "", "A PEFT adapter folder to start from instead of a fresh adapter", Scope: SettingScope.Adapters),
        new("Quantization", SettingKind.Choice, "qlora=auto *=none", "How the base model's layers are held while an adapter is trained on them: nf4 or fp4 quantises them at load; auto does so with nf4 unless the file is quantised already, for lora only where MaxMemory asks for it; none leaves them as they are", ["auto", "none", "nf4", "fp4"], Scope: SettingScope.Adapters),
        new("DoubleQuantization", SettingKind.Boolean, "qlora=true *=false", "Quantise the scales of nf4 and fp4 too", Scope: SettingScope.Adapters),
        new("ComputeType", SettingKind.Choice, "auto", "Numbers of activations and matrix products: fp32, bf16 (sums, adapters and optimizer stay fp32), or auto: bf16 where the processor multiplies it", ["auto", "fp32", "bf16"]),
        new("Device", SettingKind.Choice, "auto", "Where the model runs", ["auto", "cpu"]),
        new("MaxMemory", SettingKind.Memory, "auto", "What training may take of the memory, weights included, such as 900MiB or 2GiB; auto: what is free"),

        // Prompts and data
        new("PromptTemplate", SettingKind.Text, "", "chat (the model's own), a built-in name, a .yaml or a .jinja file; chat if the model has a template, else alpaca"),
        new("SystemPrompt", SettingKind.Text, "", "System message for rows that have none"),
        new("MaxSeqLength", SettingKind.Integer, "2048", "Tokens of one packed row, and the most tokens of one example", Minimum: 8, Maximum: 1 << 20),
        new("SamplePacking", SettingKind.Boolean, "true", "Several examples share a row of MaxSeqLength tokens; attention never crosses from one to the other"),
        new("ExcessLengthStrategy", SettingKind.Choice, "truncate", "What happens to an example longer than MaxSeqLength", ["truncate", "drop", "split", "error"]),
        new("ChunkOverlap", SettingKind.Integer, "0", "Tokens with which a later piece of a split example repeats the end of the piece before, to go on from and not to learn again; text files are always split where they are too long", Minimum: 0),
        new("TrainOnInputs", SettingKind.Boolean, "false", "Also learn the prompt"),
        new("RolesToTrain", SettingKind.List, "assistant", "Roles of a conversation whose messages are learnt"),
        new("TurnsToTrain", SettingKind.Choice, "all", "Which messages of those roles are learnt: all, or the last of the conversation", ["all", "last"]),
        new("ValidationSplitRatio", SettingKind.Number, "0.05", "Share of the rows kept for validation where no file is marked for it", Minimum: 0, Maximum: 0.9),
        new("TestSplitRatio", SettingKind.Number, "0", "Share of the rows kept for the test where no file is marked for it", Minimum: 0, Maximum: 0.9),
        new("DeduplicateData", SettingKind.Boolean, "false", "Drop rows whose text equals an earlier row's after normalisation"),
        new("NearDuplicates", SettingKind.Choice, "separate", "What happens to rows nearly like an earlier one: separate keeps them in one part of the data and leaves training rows out that repeat a row of a test or validation file, drop keeps the first alone, keep does nothing", ["separate", "keep", "drop"]),
        new("NearDuplicateThreshold", SettingKind.Number, "0.8", "Rows are near-duplicates from this share of common text on (Jaccard similarity of their runs of 5 characters, what many rows share not counted)", Minimum: 0.3, Maximum: 1),
        new("MinChars", SettingKind.Integer, "0", "Drop rows with fewer characters; 0 = off", Minimum: 0),
        new("MaxChars", SettingKind.Integer, "0", "Drop rows with more characters; 0 = off", Minimum: 0),
        new("MinLetterRatio", SettingKind.Number, "0", "Drop rows of whose visible characters less than this share is letters and digits of any script; 0 = off", Minimum: 0, Maximum: 1),
        new("MaxRepetitionRatio", SettingKind.Number, "1", "Drop rows of which more than this share repeats what they said before (runs of 20 characters); 1 = off", Minimum: 0, Maximum: 1),
        new("MaxBrokenRatio", SettingKind.Number, "1", "Drop rows with more than this share of characters that text does not have: U+FFFD, controls, private use; 1 = off", Minimum: 0, Maximum: 1),

        // Adapter
        new("LoraRank", SettingKind.Integer, "qlora=64 *=16", "Rank r of the low-rank matrices", Minimum: 1, Maximum: 4096, Scope: SettingScope.NewLora),
        new("LoraAlpha", SettingKind.Number, "qlora=16 *=32", "The branch is scaled by alpha / r", Minimum: 0, MinimumExclusive: true, Scope: SettingScope.NewLora),
        new("LoraDropout", SettingKind.Number, "qlora=0.1 *=0.05", "Share of the adapter's inputs dropped in training", Minimum: 0, Maximum: 0.95, Scope: SettingScope.NewLora),
        new("LoraTargetModules", SettingKind.List, "all-linear", "Which linear layers get an adapter: all-linear, names, or one regular expression over module paths", Scope: SettingScope.NewLora),
        new("LoraExcludeModules", SettingKind.List, "", "Names or one regular expression of layers that get none", Scope: SettingScope.NewLora),
        new("LoraLayers", SettingKind.List, "", "Numbers of the decoder layers that get an adapter; all where empty", Scope: SettingScope.NewLora),
        new("LoraRankPattern", SettingKind.List, "", "Ranks of single layers: name=rank;name=rank", Scope: SettingScope.NewLora),
        new("LoraAlphaPattern", SettingKind.List, "", "Alphas of single layers: name=alpha;name=alpha", Scope: SettingScope.NewLora),
        new("ModulesToSave", SettingKind.List, "", "Modules that are trained whole beside the adapter and saved with it, such as lm_head, embed_tokens or input_layernorm", Scope: SettingScope.NewLora),
        new("LoraInit", SettingKind.Choice, "default", "How a fresh adapter begins: default and gaussian with B zero, pissa with the largest singular vectors of each weight, olora with its QR factors; these two take their part off the weight, so that nothing changes at first, and the saved adapter has twice the rank", ["default", "gaussian", "pissa", "olora"], Scope: SettingScope.NewLora),
        new("UseDora", SettingKind.Boolean, "false", "Train the length of every row of an adapted layer apart from its direction (DoRA): nearer to full fine-tuning, and slower", Scope: SettingScope.NewLora),
        new("UseRsLora", SettingKind.Boolean, "false", "Scale by alpha / √r instead of alpha / r (rank-stabilised LoRA)", Scope: SettingScope.NewLora),

        new("PrefixLength", SettingKind.Integer, "20", "Virtual tokens whose keys and values are trained", Minimum: 1, Maximum: 1024, Scope: SettingScope.NewPrefix),
        new("PrefixProjection", SettingKind.Boolean, "false", "Train a small network that makes the keys and values instead of them; what is saved is what it made", Scope: SettingScope.NewPrefix),

        // Training
        new("NumEpochs", SettingKind.Number, "3", "Passes over the training rows", Minimum: 0, Maximum: 10000, MinimumExclusive: true),
        new("MaxSteps", SettingKind.Integer, "0", "Stop after this many optimizer steps; 0 = by NumEpochs", Minimum: 0),
        new("MicroBatchSize", SettingKind.Integer, "qlora=4 *=1", "Rows of one forward pass", Minimum: 1, Maximum: 4096),
        new("GradientAccumulationSteps", SettingKind.Integer, "qlora=4 *=8", "Forward passes of one optimizer step", Minimum: 1, Maximum: 65536),
        new("LearningRate", SettingKind.Number, "full=2e-5 qlora=2e-4 prefix=1e-2 *=1e-4", "Largest learning rate", Minimum: 0, Maximum: 10),
        new("LrScheduler", SettingKind.Choice, "cosine", "How the learning rate changes", LrSchedulers),
        new("WarmupRatio", SettingKind.Number, "0.03", "Share of the steps over which the learning rate rises from 0", Minimum: 0, Maximum: 1),
        new("WarmupSteps", SettingKind.Integer, "0", "The same in steps; wins over WarmupRatio where above 0", Minimum: 0),
        new("MinLrRatio", SettingKind.Number, "0", "Lowest learning rate as a share of LearningRate, for cosine-with-min-lr and warmup-stable-decay", Minimum: 0, Maximum: 1),
        new("LoraPlusLrRatio", SettingKind.Number, "1", "The matrices B learn so many times faster than A (LoRA+)", Minimum: 0, MinimumExclusive: true, Maximum: 1000, Scope: SettingScope.Lora),
        new("NeftuneNoiseAlpha", SettingKind.Number, "0", "Noise on the embedded tokens of training rows: uniform up to alpha / √(tokens · hidden size) (NEFTune); 0 = off", Minimum: 0, Maximum: 1000),
        new("Optimizer", SettingKind.Choice, "qlora=paged-adamw-8bit *=adamw", "The optimizer; 8bit keeps its moments in 8 bits, paged ones move them to a file where MaxMemory asks for it", Optimizers),
        new("WeightDecay", SettingKind.Number, "0.01", "Weight decay: decoupled; of sgd a part of the gradient", Minimum: 0, Maximum: 10),
        new("AdamBeta1", SettingKind.Number, "0.9", "Decay of the first moment; the momentum of sgd", Minimum: 0, Maximum: 0.999999),
        new("AdamBeta2", SettingKind.Number, "0.999", "Decay of the second moment", Minimum: 0, Maximum: 0.9999999),
        new("AdamEpsilon", SettingKind.Number, "1e-8", "Added to the root of the second moment", Minimum: 0, MinimumExclusive: true, Maximum: 1),
        new("MaxGradNorm", SettingKind.Number, "1.0", "Gradients are scaled down to this norm; 0 = off", Minimum: 0),
        new("GradientCheckpointing", SettingKind.Choice, "auto", "Layers keep only their input for the backward pass and compute the rest again, which saves memory and costs time, and changes no number of the result; auto: as many layers as MaxMemory asks for", ["auto", "true", "false"]),
        new("EvalSteps", SettingKind.Integer, "0", "Evaluate every so many steps; 0 = once an epoch", Minimum: 0),
        new("SaveSteps", SettingKind.Integer, "0", "Checkpoint every so many steps; 0 = once an epoch", Minimum: 0),
        new("SaveTotalLimit", SettingKind.Integer, "2", "Checkpoints kept; the best and the newest always are", Minimum: 1),
        new("LoggingSteps", SettingKind.Integer, "10", "A line of metrics every so many steps", Minimum: 1),
        new("EarlyStoppingPatience", SettingKind.Integer, "0", "Stop after so many evaluations without a better one; 0 = off", Minimum: 0),
        new("MetricForBestModel", SettingKind.Choice, "EvalLoss", "What makes an evaluation better than another", MetricsForBestModel),
        new("LoadBestModelAtEnd", SettingKind.Boolean, "true", "The result is the adapter of the best evaluation, not of the last step"),
        new("Seed", SettingKind.Integer, "42", "Seed of every random stream", Minimum: 0),
        new("ShuffleData", SettingKind.Boolean, "true", "Draw the rows in a new order each epoch"),

        // Answers
        new("Temperature", SettingKind.Number, "0.7", "Randomness of answers; 0 = always the likeliest token", Minimum: 0, Maximum: 100),
        new("TopP", SettingKind.Number, "0.9", "Keep the likeliest tokens up to this share of probability", Minimum: 0, Maximum: 1, MinimumExclusive: true),
        new("TopK", SettingKind.Integer, "0", "Keep the k likeliest tokens; 0 = all", Minimum: 0),
        new("MinP", SettingKind.Number, "0", "Keep tokens at least this share as likely as the likeliest", Minimum: 0, Maximum: 1),
        new("RepetitionPenalty", SettingKind.Number, "1", "Divides the score of tokens that were said already", Minimum: 0, MinimumExclusive: true, Maximum: 100),
        new("MaxNewTokens", SettingKind.Integer, "256", "Most tokens of one answer", Minimum: 1),
    ];

    public static SettingDefinition? Find(string name) => All.FirstOrDefault(setting => setting.Name == name);
}
