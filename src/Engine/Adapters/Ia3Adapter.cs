using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>Factors on outputs of some layers and on inputs of others (IA³), from a PEFT folder.</summary>
public sealed class Ia3Adapter : Adapter
{
    private readonly PeftConfig _config;
    private readonly AdapterParameters _values;
    private readonly SharedRows _shared;
    private readonly Dictionary<LinearLayer, LinearBranch> _branches = [];

    private Ia3Adapter(Decoder decoder, PeftConfig config, IReadOnlyList<LinearLayer> linears, bool trainable)
        : base(decoder)
    {
        _config = config;
        _values = new AdapterParameters(decoder.Backend, [.. linears.Select(linear => TensorOf(config, linear))], trainable);
        _shared = new SharedRows(decoder.Backend);
        foreach (LinearLayer linear in linears)
        {
            string name = PeftNames.Factors(linear.Path);
            bool ofInputs = ScalesInputs(config, linear.Path);
            var shape = new Shape(ofInputs ? linear.InFeatures : linear.OutFeatures);
            _branches[linear] = new ScaleBranch(decoder.Backend, _shared, _values.Value(name).View(0, shape), _values.Gradient(name)?.View(0, shape), ofInputs);
        }
    }

    public override IReadOnlyDictionary<LinearLayer, LinearBranch> Branches => _branches;

    public override ParameterSet? Parameters => _values.Trainable;

    internal override long BytesPerToken => base.BytesPerToken + _shared.BytesPerToken;

    /// <summary>Raises <see cref="Codes.UnsupportedAdapter"/> and <see cref="Codes.AdapterDoesNotFit"/>.</summary>
    public static Ia3Adapter Load(Decoder decoder, PeftAdapter files, bool trainable)
    {
        var file = new AdapterFile(files);
        var linears = decoder.Linears.ToDictionary(linear => PeftNames.Factors(linear.Path), StringComparer.Ordinal);
        LinearLayer[] found = [.. files.Tensors.Select(tensor => linears.GetValueOrDefault(tensor.Name)).OfType<LinearLayer>().OrderBy(linear => linear.Index)];
        if (found.Any(linear => linear.Path == Decoder.HeadPath))
        {
            throw file.Unsupported($"scales {Decoder.HeadPath}");
        }

        file.Require([.. found.Select(linear => TensorOf(files.Config, linear))]);
        var adapter = new Ia3Adapter(decoder, files.Config, found, trainable);
        adapter._values.Read(files);
        return adapter;
    }

    public override PeftConfig ToConfig(string? baseModelName) => new()
    {
        PeftType = "IA3",
        BaseModelNameOrPath = baseModelName,
        TargetModules = _config.TargetModules,
        FeedforwardModules = _config.FeedforwardModules,
    };

    public override IReadOnlyList<TensorSource> ToTensors() => _values.ToTensors();

    public override void Dispose()
    {
        base.Dispose();
        _shared.Dispose();
        _values.Dispose();
    }

    private static AdapterTensor TensorOf(PeftConfig config, LinearLayer linear) => new(
        PeftNames.Factors(linear.Path), ScalesInputs(config, linear.Path) ? new Shape(1, linear.InFeatures) : new Shape(linear.OutFeatures, 1));

    private static bool ScalesInputs(PeftConfig config, string path) => config.FeedforwardModules is { } modules && LoraTargets.Selects(modules, path);
}
