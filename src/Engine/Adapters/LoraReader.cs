using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>Checks an adapter folder against a decoder before anything is allocated: kind, options, names, shapes.</summary>
internal sealed class LoraReader
{
    /// <summary>Initialisations after which the base model is still the base model; the others subtract from its weights when PEFT loads them.</summary>
    private static readonly string[] PlainInitialisations = ["true", "false", "gaussian", "eva", "orthogonal"];

    /// <summary>Options of newer or other variants that change what the branch computes.</summary>
    private static readonly string[] ForeignOptions =
    [
        "alora_invocation_tokens", "arrow_config", "kasa_config", "layer_replication", "monteclora_config", "target_parameters",
        "trainable_token_indices", "use_bdlora", "use_qalora", "velora_config",
    ];

    private readonly Decoder _decoder;
    private readonly PeftAdapter _files;

    public LoraReader(Decoder decoder, PeftAdapter files)
    {
        (_decoder, _files) = (decoder, files);
        RefuseOtherKinds(files.Config);
        Settings = LoraSettings.From(files.Config);
        Linears = MatchTensors();
    }

    public LoraSettings Settings { get; }

    /// <summary>The adapted layers in the order of the model.</summary>
    public IReadOnlyList<LinearLayer> Linears { get; }

    private void RefuseOtherKinds(PeftConfig config)
    {
        string? foreign =
            config.PeftType != "LORA" ? $"is of the kind {config.PeftType}" :
            config.UseDora ? "uses DoRA (use_dora)" :
            config.LoraBias ? "has biases of its own (lora_bias)" :
            config.Bias != "none" ? $"trains biases of the base model (bias = {config.Bias})" :
            config.ModulesToSave is { Count: > 0 } modules ? $"replaces whole modules (modules_to_save = {string.Join(", ", modules)})" :
            !PlainInitialisations.Contains(config.InitLoraWeights) ? $"changes the base model when it begins (init_lora_weights = {config.InitLoraWeights})" :
            ForeignOptions.FirstOrDefault(key => IsSet(config.Raw[key])) is { } option ? $"uses the option {option}" : null;
        if (foreign is not null)
        {
            throw Unsupported(foreign);
        }
    }

    private static bool IsSet(JsonNode? node) => node switch
    {
        null => false,
        JsonArray list => list.Count > 0,
        JsonObject map => map.Count > 0,
        _ => node.GetValueKind() != JsonValueKind.False,
    };

    private List<LinearLayer> MatchTensors()
    {
        var linears = _decoder.Linears.ToDictionary(linear => linear.Path, StringComparer.Ordinal);
        var found = new HashSet<LinearLayer>();
        foreach (StoredTensor tensor in _files.Tensors)
        {
            (string path, bool isBase) = PeftNames.Parse(tensor.Name) ?? throw Unsupported($"holds the tensor '{tensor.Name}'");
            if (!linears.TryGetValue(path, out LinearLayer? linear))
            {
                throw path.EndsWith("embed_tokens", StringComparison.Ordinal)
                    ? Unsupported($"adapts the embedding ('{tensor.Name}')")
                    : Unfit($"it adapts '{path}', which is no linear layer of the model{(path == Decoder.HeadPath ? ", whose head is its embedding" : "")}");
            }

            if (!isBase)
            {
                found.Add(linear);
            }
        }

        foreach (LinearLayer linear in found)
        {
            int rank = Settings.RankOf(linear.Path);
            Check(PeftNames.A(linear.Path), new Shape(rank, linear.InFeatures));
            Check(PeftNames.B(linear.Path), new Shape(linear.OutFeatures, rank));
        }

        if (found.Count == 0)
        {
            throw Unfit("it holds no tensors");
        }

        foreach (LinearLayer linear in _files.Config.TargetModules is null ? [] : LoraTargets.Match(_decoder, Settings).Except(found))
        {
            throw Unfit($"its configuration adapts '{linear.Path}', for which it holds no tensors");
        }

        return [.. found.OrderBy(linear => linear.Index)];
    }

    private void Check(string name, Shape shape)
    {
        StoredTensor tensor = _files.Tensors.Find(name) ?? throw Unfit($"it lacks the tensor '{name}'");
        if (!tensor.Shape.Equals(shape))
        {
            throw Unfit($"its tensor '{name}' has the shape {tensor.Shape} where model and configuration ask for {shape}");
        }

        if (tensor.Type is not (ElementType.F32 or ElementType.F16 or ElementType.BF16))
        {
            throw Unsupported($"stores '{name}' as {tensor.Type}");
        }
    }

    private FineTuneException Unsupported(string what) => new(
        Codes.UnsupportedAdapter, $"The adapter '{_files.Folder}' {what}, which is not supported.",
        "Merge it into its base model with the library that made it, and use the merged model.", new SourcePosition(_files.Folder));

    private FineTuneException Unfit(string why) => new(
        Codes.AdapterDoesNotFit, $"The adapter '{_files.Folder}' does not fit the model: {why}.",
        "Use the base model that the adapter was trained on, and the configuration that belongs to its tensors.", new SourcePosition(_files.Folder));
}
