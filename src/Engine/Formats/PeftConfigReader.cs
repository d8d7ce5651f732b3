using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Formats;

/// <summary>Reads <c>adapter_config.json</c> and refuses what PEFT refuses, on loading or on applying it to a model.</summary>
internal sealed class PeftConfigReader(string path)
{
    private static readonly string[] PeftTypes =
    [
        "LORA", "ADALORA", "ADAPTION_PROMPT", "BOFT", "BONE", "C3A", "CPT", "FOURIERFT", "HRA", "IA3", "LN_TUNING", "LOHA", "LOKR", "MISS",
        "MULTITASK_PROMPT_TUNING", "OFT", "POLY", "PREFIX_TUNING", "PROMPT_TUNING", "P_TUNING", "RANDLORA", "ROAD", "SHIRA", "TRAINABLE_TOKENS",
        "VBLORA", "VERA", "WAVEFT", "XLORA",
    ];

    private static readonly string[] TaskTypes = ["CAUSAL_LM", "SEQ_CLS", "SEQ_2_SEQ_LM", "TOKEN_CLS", "QUESTION_ANS", "FEATURE_EXTRACTION"];

    private static readonly string[] Initialisations = ["true", "false", "gaussian", "olora", "pissa", "eva", "corda", "loftq", "orthogonal", "lora_ga", "mica"];

    private static readonly string[] Biases = ["none", "all", "lora_only"];

    private readonly JsonObject _json = JsonFile.ReadObject(path, Codes.BadAdapter);

    public PeftConfig Read()
    {
        string type = String("peft_type") ?? throw Bad("peft_type", "is missing");
        var defaults = new PeftConfig();
        var config = new PeftConfig
        {
            PeftType = OneOf("peft_type", type, PeftTypes),
            TaskType = String("task_type") is { } task ? OneOf("task_type", task, TaskTypes) : null,
            BaseModelNameOrPath = String("base_model_name_or_path"),
            Revision = String("revision"),
            InferenceMode = Bool("inference_mode", false),
            ModulesToSave = Strings("modules_to_save"),
            TargetModules = Selection("target_modules"),
            ExcludeModules = Selection("exclude_modules"),
            FanInFanOut = Bool("fan_in_fan_out", false),
            Raw = _json,
        };
        if (type == "IA3")
        {
            return config with { FeedforwardModules = Selection("feedforward_modules") };
        }

        if (type is "PREFIX_TUNING" or "PROMPT_TUNING")
        {
            return config with { NumVirtualTokens = Rank("num_virtual_tokens", _json["num_virtual_tokens"]), PrefixProjection = Bool("prefix_projection", false) };
        }

        if (type != "LORA")
        {
            return config;
        }

        if (config.TargetModules?.Names is { Count: 0 } && _json["target_parameters"] is null)
        {
            throw Bad("target_modules", "is empty, so nothing would be adapted");
        }

        double dropout = Number("lora_dropout") ?? defaults.LoraDropout;
        return config with
        {
            R = Has("r") ? Rank("r", _json["r"]) : defaults.R,
            LoraAlpha = Has("lora_alpha") ? Number("lora_alpha") ?? throw Bad("lora_alpha", "is null") : defaults.LoraAlpha,
            LoraDropout = dropout is >= 0 and <= 1 ? dropout : throw Bad("lora_dropout", "is not between 0 and 1"),
            RankPattern = Pattern("rank_pattern", (key, node) => Rank(key, node)),
            AlphaPattern = Pattern("alpha_pattern", (key, node) => Number(key, node) ?? throw Bad(key, "is null")),
            UseRslora = Bool("use_rslora", false),
            UseDora = Bool("use_dora", false),
            Bias = OneOf("bias", String("bias") ?? defaults.Bias, Biases),
            LoraBias = Bool("lora_bias", false),
            LayersToTransform = Layers(),
            LayersPattern = _json["layers_pattern"]?.GetValueKind() == JsonValueKind.String ? [String("layers_pattern")!] : Strings("layers_pattern"),
            InitLoraWeights = Initialisation(),
        };
    }

    private bool Has(string key) => _json.ContainsKey(key);

    private string? String(string key) => _json[key] switch
    {
        null => null,
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        _ => throw Bad(key, "is not a string"),
    };

    private bool Bool(string key, bool absent) => _json[key] switch
    {
        null => absent,
        JsonValue value when value.TryGetValue(out bool result) => result,
        _ => throw Bad(key, "is not true or false"),
    };

    private double? Number(string key) => Number(key, _json[key]);

    private double? Number(string key, JsonNode? node) => node switch
    {
        null => null,
        JsonValue value when value.TryGetValue(out double number) && double.IsFinite(number) => number,
        _ => throw Bad(key, "is not a number"),
    };

    private int Rank(string key, JsonNode? node) =>
        node is JsonValue value && value.TryGetValue(out int rank) && rank > 0 ? rank : throw Bad(key, "is not a positive whole number");

    private string[]? Strings(string key) => _json[key] switch
    {
        null => null,
        JsonArray list when list.All(item => item?.GetValueKind() == JsonValueKind.String) => [.. list.Select(item => item!.GetValue<string>())],
        _ => throw Bad(key, "is not a list of strings"),
    };

    private ModuleSelection? Selection(string key)
    {
        if (_json[key]?.GetValueKind() != JsonValueKind.String)
        {
            return Strings(key) is { } names ? ModuleSelection.Of(names) : null;
        }

        string pattern = String(key)!;
        try
        {
            _ = new Regex(pattern, RegexOptions.CultureInvariant);
        }
        catch (ArgumentException)
        {
            throw Bad(key, $"is not a valid regular expression: {pattern}");
        }

        return ModuleSelection.Matching(pattern);
    }

    private Dictionary<string, T> Pattern<T>(string key, Func<string, JsonNode?, T> read) => _json[key] switch
    {
        null => [],
        JsonObject map => map.ToDictionary(pair => pair.Key, pair => read($"{key}.{pair.Key}", pair.Value), StringComparer.Ordinal),
        _ => throw Bad(key, "is not an object"),
    };

    private int[]? Layers()
    {
        JsonNode? node = _json["layers_to_transform"];
        IEnumerable<JsonNode?> items = node as IEnumerable<JsonNode?> ?? [node];
        return node is null ? null : [.. items.Select(item =>
            item is JsonValue value && value.TryGetValue(out int layer) ? layer : throw Bad("layers_to_transform", "is not a list of layer numbers"))];
    }

    private string Initialisation()
    {
        string text = _json["init_lora_weights"] switch
        {
            null => "true",
            JsonValue value when value.TryGetValue(out bool flag) => flag ? "true" : "false",
            JsonValue value when value.TryGetValue(out string? name) => name,
            _ => throw Bad("init_lora_weights", "is neither a name nor true or false"),
        };
        return text.StartsWith("pissa_niter_", StringComparison.Ordinal) ? text : OneOf("init_lora_weights", text, Initialisations);
    }

    private string OneOf(string key, string value, string[] known) =>
        known.Contains(value, StringComparer.Ordinal) ? value : throw Bad(key, $"is '{value}', which is not one of {string.Join(", ", known)}");

    private FineTuneException Bad(string key, string problem) => new(
        Codes.BadAdapter, $"The adapter configuration '{path}' is malformed: {key} {problem}.", "Correct the file, or save the adapter again.",
        new SourcePosition(path));
}
