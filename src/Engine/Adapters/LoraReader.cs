using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>Checks a LoRA folder against a decoder before anything is allocated: kind, options, names, shapes.</summary>
internal sealed class LoraReader
{
    /// <summary>Initialisations after which the base model is still the base model.</summary>
    private static readonly string[] PlainInitialisations = ["true", "false", "gaussian", "eva", "orthogonal"];

    /// <summary>Those that take from its weights whenever PEFT loads them, and can be repeated: their product does not depend on signs.</summary>
    private static readonly string[] RepeatedInitialisations = ["pissa", "olora"];

    /// <summary>Options of newer or other variants that change what the branch computes.</summary>
    private static readonly string[] ForeignOptions =
    [
        "alora_invocation_tokens", "arrow_config", "kasa_config", "layer_replication", "monteclora_config", "target_parameters",
        "trainable_token_indices", "use_bdlora", "use_qalora", "velora_config",
    ];

    private readonly Decoder _decoder;
    private readonly PeftAdapter _files;
    private readonly AdapterFile _file;

    private LoraReader(Decoder decoder, PeftAdapter files) => (_decoder, _files, _file) = (decoder, files, new AdapterFile(files));

    /// <summary>What the folder changes in the decoder.</summary>
    public static LoraModules Read(Decoder decoder, PeftAdapter files) => new LoraReader(decoder, files).Read();

    /// <summary>The initialisation that must be repeated before the adapter's own numbers count; default for all others.</summary>
    public static string InitOf(PeftConfig config) =>
        RepeatedInitialisations.FirstOrDefault(name => config.InitLoraWeights == name || config.InitLoraWeights.StartsWith($"{name}_niter_", StringComparison.Ordinal)) ?? "default";

    private LoraModules Read()
    {
        RefuseForeignOptions(_files.Config);
        LoraSettings settings = LoraSettings.From(_files.Config);
        LoraModules modules = new(_decoder, settings, AdaptedLinears(), Embedding: AdaptsEmbedding());
        _file.Require(modules.Tensors(), PeftNames.IsBase);
        RequireTargets(modules);
        return modules;
    }

    private void RefuseForeignOptions(PeftConfig config)
    {
        string? foreign =
            config.PeftType != "LORA" ? $"is of the kind {config.PeftType}" :
            !PlainInitialisations.Contains(config.InitLoraWeights) && InitOf(config) == "default" ? $"changes the base model when it begins (init_lora_weights = {config.InitLoraWeights})" :
            ForeignOptions.FirstOrDefault(_file.IsSet) is { } option ? $"uses the option {option}" : null;
        if (foreign is not null)
        {
            throw _file.Unsupported(foreign);
        }
    }

    /// <summary>The layers that the file has an A for.</summary>
    private List<LinearLayer> AdaptedLinears()
    {
        var linears = _decoder.Linears.ToDictionary(linear => linear.Path, StringComparer.Ordinal);
        List<LinearLayer> found = [];
        foreach (StoredTensor tensor in _files.Tensors)
        {
            if (PeftNames.LayerOfA(tensor.Name) is { } path)
            {
                found.Add(linears.GetValueOrDefault(path) ?? throw _file.Unfit(
                    $"it adapts '{path}', which is no linear layer of the model{(path == Decoder.HeadPath ? ", whose head is its embedding" : "")}"));
            }
        }

        return [.. found.OrderBy(linear => linear.Index)];
    }

    private bool AdaptsEmbedding()
    {
        string[] paths = [.. _files.Tensors.Select(tensor => PeftNames.LayerOfEmbeddingA(tensor.Name)).OfType<string>()];
        return paths switch
        {
            [] => false,
            [Decoder.EmbeddingPath] => true,
            _ => throw _file.Unfit($"it adapts '{paths.First(path => path != Decoder.EmbeddingPath)}', which is no embedding of the model"),
        };
    }

    /// <summary>Whatever the configuration names has tensors.</summary>
    private void RequireTargets(LoraModules modules)
    {
        if (_files.Config.TargetModules is null)
        {
            return;
        }

        LoraModules matched = LoraTargets.Match(_decoder, modules.Settings);
        string? missing = matched.Linears.Except(modules.Linears).FirstOrDefault()?.Path ?? (matched.Embedding && !modules.Embedding ? Decoder.EmbeddingPath : null);
        if (missing is not null)
        {
            throw _file.Unfit($"its configuration adapts '{missing}', for which it holds no tensors");
        }
    }
}
