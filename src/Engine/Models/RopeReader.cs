namespace FineTuneTool.Engine.Models;

/// <summary>
/// Reads the rotary embedding from config.json: <c>rope_parameters</c> of transformers 5, else <c>rope_theta</c> and <c>rope_scaling</c>.
/// Unknown types and unknown options are refused by name.
/// </summary>
internal static class RopeReader
{
    private static readonly string[] KnownOptions =
    [
        "rope_type", "type", "rope_theta", "partial_rotary_factor", "factor", "original_max_position_embeddings", "low_freq_factor", "high_freq_factor",
        "beta_fast", "beta_slow", "attention_factor", "truncate", "short_factor", "long_factor",
    ];

    /// <summary>How many dims of each head are turned.</summary>
    public static int RotaryDims(ConfigFields config, ConfigDialect dialect, int headDim)
    {
        ConfigFields? options = Options(config, dialect);
        ConfigFields place = options is not null && options.Has("partial_rotary_factor") ? options : config;
        if (!dialect.PartialRotary)
        {
            place.Require("partial_rotary_factor", 1);
        }

        int dims = (int)(headDim * place.Positive("partial_rotary_factor", 1));
        return dims > 0 && dims <= headDim && dims % 2 == 0 ? dims
            : throw place.Bad("partial_rotary_factor", $"a part of the {headDim} dims of a head that is even, since the rotary embedding turns pairs");
    }

    /// <summary>The rotary embedding of a model, or of its layers without a sliding window.</summary>
    public static RopeParameters Read(ConfigFields config, ConfigDialect dialect, int dims)
    {
        ConfigFields? options = Options(config, dialect);
        double theta = options is not null && options.Has("rope_theta") ? options.Positive("rope_theta") : config.Positive("rope_theta", dialect.RopeTheta);
        return Read(config, dialect, options, theta, dims);
    }

    /// <summary>That of the layers with a sliding window, of families in which it is another one.</summary>
    public static RopeParameters ReadLocal(ConfigFields config, ConfigDialect dialect, int dims)
    {
        ConfigFields? options = config.Object("rope_parameters")?.Object("sliding_attention");
        double theta = options is not null && options.Has("rope_theta") ? options.Positive("rope_theta") : config.Positive("rope_local_base_freq", 10000);
        return Read(config, dialect, options, theta, dims);
    }

    private static ConfigFields? Options(ConfigFields config, ConfigDialect dialect) =>
        config.Object("rope_parameters") is not { } current ? config.Object("rope_scaling")
        : dialect.RopeByLayerType && current.Has("full_attention") ? current.Object("full_attention") : current;

    private static RopeParameters Read(ConfigFields config, ConfigDialect dialect, ConfigFields? options, double theta, int dims)
    {
        if (options is null)
        {
            return new RopeParameters { RopeTheta = theta };
        }

        if (options.Keys.FirstOrDefault(key => !KnownOptions.Contains(key)) is { } unknown)
        {
            throw options.Unsupported(unknown);
        }

        string key = options.Has("rope_type") ? "rope_type" : "type";
        RopeType type = options.Text(key) switch
        {
            null or "default" => RopeType.Default,
            { } name when dialect.LongRopeNames.Contains(name) => RopeType.LongRope,
            "linear" => RopeType.Linear,
            "dynamic" => RopeType.Dynamic,
            "yarn" => RopeType.Yarn,
            "llama3" => RopeType.Llama3,
            "longrope" => RopeType.LongRope,
            _ => throw options.Unsupported(key),
        };
        if (type == RopeType.Default)
        {
            return new RopeParameters { RopeTheta = theta };
        }

        int longest = config.Count("max_position_embeddings", 2048, int.MaxValue), original = Original(config, options, type, longest);
        var rope = new RopeParameters
        {
            RopeType = type,
            RopeTheta = theta,
            Factor = options.Positive("factor", type == RopeType.LongRope ? (double)longest / original : null),
            OriginalMaxPositionEmbeddings = original,
            LowFreqFactor = options.Positive("low_freq_factor", type == RopeType.Llama3 ? null : 1),
            HighFreqFactor = options.Positive("high_freq_factor", type == RopeType.Llama3 ? null : 4),
            BetaFast = options.Positive("beta_fast", 32),
            BetaSlow = options.Positive("beta_slow", 1),
            Truncate = options.Flag("truncate", true),
            AttentionFactor = options.Has("attention_factor") ? options.Positive("attention_factor") : null,
            ShortFactor = type == RopeType.LongRope ? Factors(options, "short_factor", dims) : null,
            LongFactor = type == RopeType.LongRope ? Factors(options, "long_factor", dims) : null,
        };
        return rope.HighFreqFactor <= rope.LowFreqFactor ? throw options.Bad("high_freq_factor", "larger than low_freq_factor") : rope;
    }

    /// <summary>The context of the pre-training: longrope's may stand outside its options.</summary>
    private static int Original(ConfigFields config, ConfigFields options, RopeType type, int longest)
    {
        const string Key = "original_max_position_embeddings";
        bool outside = type == RopeType.LongRope && !options.Has(Key);
        ConfigFields place = outside ? config : options;
        int original = place.Count(Key, type == RopeType.Llama3 ? null : longest, int.MaxValue);
        return type == RopeType.LongRope && original == 1 ? throw place.Bad(Key, "more than one token") : original;
    }

    private static float[] Factors(ConfigFields options, string key, int dims)
    {
        IReadOnlyList<double> numbers = options.Numbers(key) ?? throw options.Missing(key);
        float[] factors = [.. numbers.Select(number => (float)number)];
        return factors.Length == dims / 2 && factors.All(factor => factor > 0 && float.IsFinite(factor)) ? factors
            : throw options.Bad(key, $"a list of {dims / 2} numbers above 0");
    }
}
