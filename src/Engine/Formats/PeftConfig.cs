using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Formats;

/// <summary>
/// The content of <c>adapter_config.json</c> (PEFT, <c>LoraConfig</c>). The defaults are PEFT's. Keys that other kinds of adapters or newer versions
/// add are in <see cref="Raw"/>.
/// </summary>
public sealed record PeftConfig
{
    public const string FileName = "adapter_config.json";

    /// <summary>The kind, in PEFT's spelling: LORA, IA3, PREFIX_TUNING …</summary>
    public string PeftType { get; init; } = "LORA";

    public string? TaskType { get; init; } = "CAUSAL_LM";

    /// <summary>As written by whoever trained the adapter; never a path to trust.</summary>
    public string? BaseModelNameOrPath { get; init; }

    public string? Revision { get; init; }

    public bool InferenceMode { get; init; } = true;

    /// <summary>Rank of every adapted module that <see cref="RankPattern"/> does not name.</summary>
    public int R { get; init; } = 8;

    /// <summary>The branch is scaled by LoraAlpha / R, or by LoraAlpha / √R with <see cref="UseRslora"/>.</summary>
    public double LoraAlpha { get; init; } = 8;

    public double LoraDropout { get; init; }

    /// <summary>Null leaves the choice to the defaults of the model family.</summary>
    public ModuleSelection? TargetModules { get; init; }

    public ModuleSelection? ExcludeModules { get; init; }

    /// <summary>Rank by module: keys match <c>(.*\.)?(KEY)$</c>.</summary>
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>();

    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();

    public bool UseRslora { get; init; }

    public bool UseDora { get; init; }

    /// <summary>Which biases were trained: none, all, or lora_only.</summary>
    public string Bias { get; init; } = "none";

    /// <summary>The B matrices have a bias of their own.</summary>
    public bool LoraBias { get; init; }

    /// <summary>Modules trained in full and stored beside the adapter.</summary>
    public IReadOnlyList<string>? ModulesToSave { get; init; }

    public IReadOnlyList<int>? LayersToTransform { get; init; }

    /// <summary>Names of the list of layers, for <see cref="LayersToTransform"/>.</summary>
    public IReadOnlyList<string>? LayersPattern { get; init; }

    public bool FanInFanOut { get; init; }

    /// <summary>How A and B began: true, false, gaussian, pissa …</summary>
    public string InitLoraWeights { get; init; } = "true";

    /// <summary>IA³: of <see cref="TargetModules"/> those whose inputs are scaled instead of their outputs.</summary>
    public ModuleSelection? FeedforwardModules { get; init; }

    /// <summary>Prefix and prompt tuning: virtual tokens before every document.</summary>
    public int NumVirtualTokens { get; init; }

    public int? NumLayers { get; init; }

    /// <summary>Prefix tuning: heads of keys and values.</summary>
    public int? NumAttentionHeads { get; init; }

    /// <summary>Columns of an embedding, or of the keys of a layer.</summary>
    public int? TokenDim { get; init; }

    public int? EncoderHiddenSize { get; init; }

    public bool PrefixProjection { get; init; }

    /// <summary>The file as read; empty for a configuration made here.</summary>
    public JsonObject Raw { get; init; } = [];

    /// <summary>Reads a file; unknown keys are let through. Raises <see cref="Codes.FileUnreadable"/> and <see cref="Codes.BadAdapter"/>.</summary>
    public static PeftConfig Read(string path) => new PeftConfigReader(path).Read();

    /// <summary>The text of the file: the keys that old and new versions of PEFT understand, sorted, two spaces a level, as PEFT writes them.</summary>
    public string ToJson()
    {
        JsonObject json = OfKind();
        json["auto_mapping"] = null;
        json["base_model_name_or_path"] = BaseModelNameOrPath;
        json["inference_mode"] = InferenceMode;
        json["peft_type"] = PeftType;
        json["revision"] = Revision;
        json["task_type"] = TaskType;
        return PythonJson.Write(json, sortKeys: true);
    }

    private JsonObject OfKind() => PeftType switch
    {
        "IA3" => new JsonObject
        {
            ["fan_in_fan_out"] = FanInFanOut,
            ["feedforward_modules"] = Selection(FeedforwardModules),
            ["init_ia3_weights"] = true,
            ["modules_to_save"] = List(ModulesToSave),
            ["target_modules"] = Selection(TargetModules),
        },
        "PREFIX_TUNING" => Virtual(new JsonObject { ["encoder_hidden_size"] = EncoderHiddenSize, ["prefix_projection"] = PrefixProjection }),
        "PROMPT_TUNING" => Virtual(new JsonObject { ["prompt_tuning_init"] = "RANDOM", ["prompt_tuning_init_text"] = null, ["tokenizer_name_or_path"] = null }),
        _ => Lora(),
    };

    private JsonObject Virtual(JsonObject json)
    {
        json["num_attention_heads"] = NumAttentionHeads;
        json["num_layers"] = NumLayers;
        json["num_transformer_submodules"] = 1;
        json["num_virtual_tokens"] = NumVirtualTokens;
        json["token_dim"] = TokenDim;
        return json;
    }

    private JsonObject Lora()
    {
        var json = new JsonObject
        {
            ["alpha_pattern"] = new JsonObject(AlphaPattern.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)Number(pair.Value)))),
            ["bias"] = Bias,
            ["fan_in_fan_out"] = FanInFanOut,
            ["init_lora_weights"] = InitLoraWeights switch { "true" => true, "false" => false, _ => InitLoraWeights },
            ["layers_pattern"] = LayersPattern is [string single] ? single : List(LayersPattern),
            ["layers_to_transform"] = List(LayersToTransform),
            ["lora_alpha"] = Number(LoraAlpha),
            ["lora_dropout"] = LoraDropout,
            ["modules_to_save"] = List(ModulesToSave),
            ["r"] = R,
            ["rank_pattern"] = new JsonObject(RankPattern.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)JsonValue.Create(pair.Value)))),
            ["target_modules"] = Selection(TargetModules),
            ["use_dora"] = UseDora,
            ["use_rslora"] = UseRslora,
        };
        if (ExcludeModules is not null)
        {
            json["exclude_modules"] = Selection(ExcludeModules);
        }

        if (LoraBias)
        {
            json["lora_bias"] = true;
        }

        return json;
    }

    private static JsonNode? Selection(ModuleSelection? selection) => selection?.Pattern is { } pattern ? pattern : List(selection?.Names);

    private static JsonArray? List<T>(IReadOnlyList<T>? values) => values is null ? null : new JsonArray([.. values.Select(value => JsonValue.Create(value))]);

    private static JsonValue Number(double value) => value == Math.Floor(value) && Math.Abs(value) < 1e15 ? JsonValue.Create((long)value) : JsonValue.Create(value);
}
