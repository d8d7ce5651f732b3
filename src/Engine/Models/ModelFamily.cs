using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Models;

/// <summary>One model architecture: how its configuration becomes a <see cref="DecoderSpec"/>. Stateless; listed in <see cref="ModelFamilies.All"/>.</summary>
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
}
