using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Models;

/// <summary>One model architecture: how its configuration becomes a <see cref="DecoderSpec"/> and the other way round. Stateless; listed in <see cref="ModelFamilies.All"/>.</summary>
public abstract class ModelFamily
{
    /// <summary><c>model_type</c> of config.json.</summary>
    public abstract string ModelType { get; }

    /// <summary><c>general.architecture</c> of GGUF files, or null where another family reads them.</summary>
    public abstract string? GgufArchitecture { get; }

    /// <summary>GGUF files of the family store the rows of query and key heads for interleaved rotary pairs (<see cref="RotaryRows"/>).</summary>
    public virtual bool GgufInterleavesRotaryRows => false;

    /// <summary>Reads config.json; raises <see cref="Codes.BadModelConfig"/> or <see cref="Codes.UnsupportedArchitecture"/>.</summary>
    public abstract DecoderSpec Read(ConfigFields config);

    /// <summary>Reads the metadata of a GGUF file; raises the same codes.</summary>
    public virtual DecoderSpec Read(GgufFields fields) => throw fields.Unsupported("general.architecture", ModelType);

    /// <summary>The model's class in transformers, as config.json names it under <c>architectures</c>.</summary>
    public abstract string TransformersClass { get; }

    /// <summary>Adds to config.json, which has the fields that all families share, those of this one.</summary>
    public virtual void Write(DecoderSpec spec, JsonObject config)
    {
    }

    /// <summary>Adds to the metadata of a GGUF file, which has the keys that all families share, those of this one.</summary>
    public virtual void Write(DecoderSpec spec, GgufMetadata metadata)
    {
    }

    /// <summary>GGUF files of the family state sliding windows.</summary>
    public virtual bool GgufHoldsWindows => false;

    /// <summary>llama.cpp loads an output head beside the embedding.</summary>
    public virtual bool GgufHoldsHead => true;

    /// <summary>GGUF files of the family may hold biases.</summary>
    public virtual bool GgufHoldsBiases => false;

    /// <summary>Rotary scalings that GGUF files of the family can state.</summary>
    public virtual IReadOnlyList<RopeType> GgufRopeTypes => [RopeType.Default, RopeType.Linear, RopeType.Yarn];

    /// <summary>What else of a model its GGUF file has no key for, in words; null = nothing.</summary>
    public virtual string? MissingInGguf(DecoderSpec spec) => null;
}
