using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// Reads the rotary embedding from GGUF metadata and its tensors of divisors, as llama.cpp does. Unknown types and options are refused by name.
/// </summary>
internal static class GgufRopeReader
{
    public const string Divisors = "rope_freqs.weight", ShortFactor = "rope_factors_short.weight", LongFactor = "rope_factors_long.weight";

    public static RopeParameters Read(GgufFields fields, int dims)
    {
        fields.Require("rope.scaling.yarn_ext_factor", 1);
        fields.Require("rope.scaling.yarn_attn_factor", 1);
        fields.Require("rope.scaling.yarn_log_multiplier", 0);
        double? factor = fields.Has("rope.scaling.factor") ? fields.Positive("rope.scaling.factor")
            : fields.Has("rope.scale_linear") ? fields.Positive("rope.scale_linear") : null;
        string type = fields.Text("rope.scaling.type") ?? (factor is null ? "none" : "linear");
        var rope = new RopeParameters { RopeTheta = fields.Positive("rope.freq_base", 10000) };
        if (type == "longrope" || fields.Tensors.Find(LongFactor) is not null || fields.Tensors.Find(ShortFactor) is not null)
        {
            return type is "longrope" or "none" ? LongRope(fields, rope, dims) : throw Unsupported();
        }

        rope = rope with { Divisors = fields.Tensors.Find(Divisors) is null ? null : ReadFactors(fields, Divisors, dims) };
        if (type == "yarn")
        {
            return Yarn(fields, rope with { Factor = factor ?? throw fields.Bad("rope.scaling.factor", "there, since the type is yarn") });
        }

        fields.Require("rope.scaling.attn_factor", 1);
        return type switch
        {
            "none" => rope,
            "linear" => rope with { RopeType = RopeType.Linear, Factor = factor ?? 1 },
            _ => throw Unsupported(),
        };

        FineTuneException Unsupported() => fields.Unsupported($"{fields.Architecture}.rope.scaling.type", type);
    }

    /// <summary>The factor on cosines and sines multiplies the one that yarn has by itself.</summary>
    private static RopeParameters Yarn(GgufFields fields, RopeParameters rope)
    {
        double more = fields.Positive("rope.scaling.attn_factor", 1);
        return rope with
        {
            RopeType = RopeType.Yarn,
            OriginalMaxPositionEmbeddings = Original(fields),
            BetaFast = fields.Positive("rope.scaling.yarn_beta_fast", 32),
            BetaSlow = fields.Positive("rope.scaling.yarn_beta_slow", 1),
            AttentionFactor = more == 1 ? null : more * RotaryFrequencies.YarnMagnitude(rope.Factor),
        };
    }

    private static RopeParameters LongRope(GgufFields fields, RopeParameters rope, int dims)
    {
        int original = Original(fields);
        if (original == 1)
        {
            throw fields.Bad("rope.scaling.original_context_length", "more than one token");
        }

        rope = rope with
        {
            RopeType = RopeType.LongRope,
            Factor = (double)fields.Count("context_length", original, int.MaxValue) / original,
            OriginalMaxPositionEmbeddings = original,
            ShortFactor = ReadFactors(fields, ShortFactor, dims),
            LongFactor = ReadFactors(fields, LongFactor, dims),
        };
        double stated = fields.Positive("rope.scaling.attn_factor", 1);
        return Math.Abs(stated - RotaryFrequencies.LongRopeMagnitude(rope)) < 1e-6 ? rope : rope with { AttentionFactor = stated };
    }

    private static int Original(GgufFields fields) =>
        fields.Count("rope.scaling.original_context_length", fields.Count("context_length", 2048, int.MaxValue), int.MaxValue);

    /// <summary>An F32 tensor (dims / 2) of what frequencies are divided by.</summary>
    private static float[] ReadFactors(GgufFields fields, string name, int dims)
    {
        StoredTensor stored = fields.Tensors.Find(name) ?? throw new FineTuneException(
            Codes.MissingTensor, $"The model has no tensor '{name}', which its rotary embedding needs.", "Convert the model again with a current converter.");
        if (stored.Type != ElementType.F32 || stored.Shape.Rank != 1 || stored.Shape.Count != dims / 2)
        {
            throw WeightSource.Wrong(stored, new Shape(dims / 2), null);
        }

        float[] factors = new float[dims / 2];
        stored.Span.CopyTo(System.Runtime.InteropServices.MemoryMarshal.AsBytes(factors.AsSpan()));
        return factors.All(factor => factor > 0 && float.IsFinite(factor)) ? factors : throw fields.Bad(name, "a tensor of positive numbers");
    }
}
