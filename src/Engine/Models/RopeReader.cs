using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// Reads the rotary embedding from config.json (<c>rope_parameters</c> of transformers 5, else <c>rope_theta</c> and <c>rope_scaling</c>)
/// or from GGUF metadata. Unknown types and unknown options are refused by name.
/// </summary>
internal static class RopeReader
{
    private static readonly string[] KnownOptions =
    [
        "rope_type", "type", "rope_theta", "partial_rotary_factor", "factor", "original_max_position_embeddings", "low_freq_factor", "high_freq_factor",
        "beta_fast", "beta_slow", "attention_factor", "truncate",
    ];

    public static RopeParameters Read(ConfigFields config)
    {
        config.Require("partial_rotary_factor", 1);
        ConfigFields? options = config.Object("rope_parameters") ?? config.Object("rope_scaling");
        double theta = options is not null && options.Has("rope_theta") ? options.Positive("rope_theta") : config.Positive("rope_theta", 10000);
        if (options is null)
        {
            return new RopeParameters { RopeTheta = theta };
        }

        if (options.Keys.FirstOrDefault(key => !KnownOptions.Contains(key)) is { } unknown)
        {
            throw options.Unsupported(unknown);
        }

        options.Require("partial_rotary_factor", 1);
        string key = options.Has("rope_type") ? "rope_type" : "type";
        RopeType type = options.Text(key) switch
        {
            null or "default" => RopeType.Default,
            "linear" => RopeType.Linear,
            "dynamic" => RopeType.Dynamic,
            "yarn" => RopeType.Yarn,
            "llama3" => RopeType.Llama3,
            _ => throw options.Unsupported(key),
        };
        if (type == RopeType.Default)
        {
            return new RopeParameters { RopeTheta = theta };
        }

        int longest = config.Count("max_position_embeddings", 2048, int.MaxValue);
        var rope = new RopeParameters
        {
            RopeType = type,
            RopeTheta = theta,
            Factor = options.Positive("factor"),
            OriginalMaxPositionEmbeddings = options.Count("original_max_position_embeddings", type == RopeType.Llama3 ? null : longest, int.MaxValue),
            LowFreqFactor = options.Positive("low_freq_factor", type == RopeType.Llama3 ? null : 1),
            HighFreqFactor = options.Positive("high_freq_factor", type == RopeType.Llama3 ? null : 4),
            BetaFast = options.Positive("beta_fast", 32),
            BetaSlow = options.Positive("beta_slow", 1),
            Truncate = options.Flag("truncate", true),
            AttentionFactor = options.Has("attention_factor") ? options.Positive("attention_factor") : null,
        };
        return rope.HighFreqFactor <= rope.LowFreqFactor ? throw options.Bad("high_freq_factor", "larger than low_freq_factor") : rope;
    }

    public static RopeParameters Read(GgufFields fields, int headDim)
    {
        double theta = fields.Positive("rope.freq_base", 10000);
        string type = fields.Text("rope.scaling.type") ?? "none";
        fields.Require("rope.scaling.attn_factor", 1);
        return type switch
        {
            "none" => new RopeParameters { RopeTheta = theta, Divisors = ReadDivisors(fields, headDim) },
            "linear" => new RopeParameters { RopeType = RopeType.Linear, RopeTheta = theta, Factor = fields.Positive("rope.scaling.factor") },
            _ => throw fields.Unsupported($"{fields.Architecture}.rope.scaling.type", type),
        };
    }

    /// <summary>The F32 tensor <c>rope_freqs.weight</c> (headDim / 2), by which converters state llama3's frequencies.</summary>
    private static float[]? ReadDivisors(GgufFields fields, int headDim)
    {
        const string Name = "rope_freqs.weight";
        if (fields.Tensors.Find(Name) is not { } stored)
        {
            return null;
        }

        if (stored.Type != ElementType.F32 || stored.Shape.Rank != 1 || stored.Shape.Count != headDim / 2)
        {
            throw WeightSource.Wrong(stored, new Shape(headDim / 2), null);
        }

        float[] divisors = new float[headDim / 2];
        stored.Span.CopyTo(System.Runtime.InteropServices.MemoryMarshal.AsBytes(divisors.AsSpan()));
        return divisors.All(divisor => divisor > 0 && float.IsFinite(divisor)) ? divisors : throw fields.Bad(Name, "positive numbers");
    }
}
