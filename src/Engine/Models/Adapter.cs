using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// What can be laid over a decoder without changing it: branches on its layers, and numbers in place of its own. Several may exist for one decoder;
/// <see cref="Decoder.ActiveAdapter"/> says which one counts. A kind of adapter is a class that fills what it needs.
/// </summary>
public abstract class Adapter(Decoder decoder) : IDisposable
{
    /// <summary>The decoder whose layers the branches fit.</summary>
    public Decoder Decoder { get; } = decoder;

    /// <summary>Branches by layer.</summary>
    public virtual IReadOnlyDictionary<LinearLayer, LinearBranch> Branches { get; } = new Dictionary<LinearLayer, LinearBranch>();

    /// <summary>Weights of the model that are replaced as a whole.</summary>
    public virtual IReadOnlyDictionary<Weight, Replacement> Replacements { get; } = new Dictionary<Weight, Replacement>();

    /// <summary>The branch on the embedding.</summary>
    public virtual EmbeddingBranch? Embedding => null;

    /// <summary>Keys and values before every document, by layer; all layers have as many.</summary>
    public virtual IReadOnlyList<PrefixStates>? Prefix => null;

    /// <summary>Virtual tokens before every document.</summary>
    public virtual PromptRows? Prompt => null;

    /// <summary>Why its changes cannot become weights of a model of their own; null where they can.</summary>
    public virtual string? WhyNotMergeable => null;

    /// <summary>What training changes; null where the adapter is frozen.</summary>
    public abstract ParameterSet? Parameters { get; }

    /// <summary>Positions that every document has before its first token.</summary>
    internal int VirtualTokens => Prefix?[0].Count ?? Prompt?.Count ?? 0;

    /// <summary>Called before every pass, with what is to be used in it made ready.</summary>
    internal virtual void BeginPass(bool training)
    {
    }

    /// <summary>Called when a backward pass is through all layers.</summary>
    internal virtual void EndBackward()
    {
    }

    /// <summary>Bytes of its rows for each token of a training step.</summary>
    internal virtual long BytesPerToken => Branches.Values.Sum(branch => branch.BytesPerToken) + (Embedding?.BytesPerToken ?? 0);

    /// <summary>The content of adapter_config.json.</summary>
    /// <param name="baseModelName">Name of the base model for whoever loads the adapter.</param>
    public abstract PeftConfig ToConfig(string? baseModelName);

    /// <summary>Every tensor of the file, under PEFT's names, made when it is written.</summary>
    public abstract IReadOnlyList<TensorSource> ToTensors();

    /// <summary>Writes adapter_config.json and adapter_model.safetensors into a folder.</summary>
    public void Write(string folder, string? baseModelName) => PeftAdapter.Write(folder, ToConfig(baseModelName), ToTensors());

    /// <summary>Frees what it owns; a decoder on which it counted goes on without it.</summary>
    public virtual void Dispose()
    {
        if (Decoder.ActiveAdapter == this)
        {
            Decoder.ActiveAdapter = null;
        }

        GC.SuppressFinalize(this);
    }
}
