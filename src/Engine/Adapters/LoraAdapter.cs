using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>
/// Low-rank branches on some layers of one decoder, and weights that are trained beside them: new ones to be trained, or those of a PEFT folder. Make it
/// count with <see cref="Decoder.ActiveAdapter"/>. Names, shapes and scaling are PEFT's, so that either can read what the other wrote.
/// </summary>
public sealed class LoraAdapter : Adapter
{
    private readonly LoraModules _modules;
    private readonly AdapterParameters _values;
    private readonly SharedRows _shared;
    private readonly Dictionary<LinearLayer, LinearBranch> _branches = [];
    private readonly Dictionary<Weight, Replacement> _replacements = [];
    private readonly Dictionary<LinearLayer, LoraStart> _starts = [];

    private LoraAdapter(LoraModules modules, bool trainable)
        : base(modules.Decoder)
    {
        _modules = modules;
        RefuseWhatIsNotSupported(trainable);
        _values = new AdapterParameters(Decoder.Backend, modules.Tensors(), trainable);
        _shared = new SharedRows(Decoder.Backend);
        foreach (LinearLayer linear in modules.Linears)
        {
            _branches[linear] = BranchOn(linear);
        }

        if (modules.Embedding)
        {
            string a = PeftNames.EmbeddingA(Decoder.EmbeddingPath), b = PeftNames.EmbeddingB(Decoder.EmbeddingPath);
            Embedding = new EmbeddingBranch(
                Decoder.Backend, _values.Value(a), _values.Value(b), Settings.ScaleOf(Decoder.EmbeddingPath), _shared, _values.Gradient(a), _values.Gradient(b));
        }

        foreach ((Weight weight, string name) in modules.Whole)
        {
            _replacements[weight] = new Replacement(_values.Value(name), _values.Gradient(name));
        }
    }

    public LoraSettings Settings => _modules.Settings;

    public override IReadOnlyDictionary<LinearLayer, LinearBranch> Branches => _branches;

    public override IReadOnlyDictionary<Weight, Replacement> Replacements => _replacements;

    public override EmbeddingBranch? Embedding { get; }

    public override ParameterSet? Parameters => _values.Trainable;

    internal override long BytesPerToken => base.BytesPerToken + _shared.BytesPerToken;

    /// <summary>
    /// New branches that change nothing yet, begun as <see cref="LoraSettings.Init"/> says; on the embedding A zero and B normal. Raises
    /// <see cref="Codes.NoTargetModules"/> where a name, number or pattern in the settings matches no layer.
    /// </summary>
    /// <param name="seed">Each module draws from a stream of its own, so that adding a target leaves the others as they were.</param>
    public static LoraAdapter Create(Decoder decoder, LoraSettings settings, ulong seed)
    {
        LoraModules modules = LoraTargets.Select(decoder, settings);
        var adapter = new LoraAdapter(modules, trainable: true);
        adapter.Begin(seed);
        foreach ((LinearLayer linear, LinearBranch branch) in adapter._branches)
        {
            if (branch is DoraBranch dora)
            {
                adapter._values.Write(PeftNames.Magnitude(linear.Path), dora.WeightNorms());
            }
        }

        if (modules.Embedding)
        {
            var random = new CounterRandom(seed, RandomPurpose.Initialisation, (ulong)decoder.Linears.Count);
            long count = settings.RankOf(Decoder.EmbeddingPath) * decoder.Embedding.Shape[1];
            adapter._values.Write(PeftNames.EmbeddingB(Decoder.EmbeddingPath), [.. Enumerable.Range(0, (int)count).Select(i => random.Normal((ulong)i))]);
        }

        foreach ((Weight weight, Replacement replacement) in adapter._replacements)
        {
            WeightReader.Widen(decoder.Backend, weight.Base, replacement.Value);
        }

        return adapter;
    }

    /// <summary>As <see cref="Create"/>, but everything is zero: for checks and plans, which may not take the time of an initialisation.</summary>
    public static LoraAdapter Plan(Decoder decoder, LoraSettings settings) => new(LoraTargets.Select(decoder, settings), trainable: true);

    /// <summary>
    /// The branches of a PEFT folder. Raises <see cref="Codes.UnsupportedAdapter"/> for kinds other than LoRA and options that are not known, and
    /// <see cref="Codes.AdapterDoesNotFit"/> where tensors, configuration and model disagree.
    /// </summary>
    public static LoraAdapter Load(Decoder decoder, PeftAdapter files, bool trainable)
    {
        var adapter = new LoraAdapter(LoraReader.Read(decoder, files), trainable);
        if (LoraInitialisation.Find(adapter.Settings.Init).TakesFromWeight)
        {
            adapter.Begin(seed: 0);
        }

        adapter._values.Read(files);
        return adapter;
    }

    /// <summary>Targets are written as names of layers where names say the same, else as whole paths.</summary>
    public override PeftConfig ToConfig(string? baseModelName)
    {
        string[] paths = [.. _modules.Linears.Select(linear => linear.Path), .. _modules.Embedding ? [Decoder.EmbeddingPath] : Array.Empty<string>()];
        ModuleSelection names = ModuleSelection.Of([.. paths.Select(path => path[(path.LastIndexOf('.') + 1)..]).Distinct()]);
        bool same = LoraTargets.Match(Decoder, Settings with { Targets = names, Exclude = null, Layers = null }).Linears.Count == _modules.Linears.Count;
        (int ranks, double alphas) = _starts.Count == 0 ? (1, 1.0) : (2, Settings.UseRslora ? Math.Sqrt(2) : 2);
        return new PeftConfig
        {
            BaseModelNameOrPath = baseModelName,
            R = ranks * Settings.Rank,
            LoraAlpha = alphas * Settings.Alpha,
            LoraDropout = Settings.Dropout,
            TargetModules = same ? names : ModuleSelection.Of(paths),
            RankPattern = Settings.RankPattern.ToDictionary(pair => pair.Key, pair => ranks * pair.Value),
            AlphaPattern = Settings.AlphaPattern.ToDictionary(pair => pair.Key, pair => alphas * pair.Value),
            UseRslora = Settings.UseRslora,
            Bias = Settings.Bias,
            LoraBias = Settings.LoraBias,
            UseDora = Settings.UseDora,
            ModulesToSave = Settings.ModulesToSave.Count > 0 ? Settings.ModulesToSave : null,
        };
    }

    /// <summary>A start that was taken from the weights is written beside what was trained: see <see cref="LoraStart"/>.</summary>
    public override IReadOnlyList<TensorSource> ToTensors()
    {
        Dictionary<string, TensorSource> sources = _values.ToTensors().ToDictionary(source => source.Name, StringComparer.Ordinal);
        foreach ((LinearLayer linear, LoraStart start) in _starts)
        {
            string a = PeftNames.A(linear.Path), b = PeftNames.B(linear.Path);
            sources[a] = start.JoinA(Decoder.Backend, sources[a], _values.Value(a));
            sources[b] = start.JoinB(Decoder.Backend, sources[b], _values.Value(b), Settings.ScaleOf(linear.Path));
        }

        return [.. sources.Values];
    }

    public override void Dispose()
    {
        base.Dispose();
        foreach (LinearBranch branch in _branches.Values)
        {
            branch.Dispose();
        }

        foreach (LoraStart start in _starts.Values)
        {
            start.Dispose();
        }

        Embedding?.Dispose();
        _shared.Dispose();
        _values.Dispose();
    }

    /// <summary>Sets every A and B to what they begin with, and keeps what they took from the weights.</summary>
    private void Begin(ulong seed)
    {
        LoraInitialisation initialisation = LoraInitialisation.Find(Settings.Init);
        foreach (LinearLayer linear in _modules.Linears)
        {
            int rank = Settings.RankOf(linear.Path);
            float scale = Settings.ScaleOf(linear.Path);
            (float[] A, float[] B) values = initialisation.Make(Decoder.Backend, linear, rank, scale, new CounterRandom(seed, RandomPurpose.Initialisation, (ulong)linear.Index));
            _values.Write(PeftNames.A(linear.Path), values.A);
            _values.Write(PeftNames.B(linear.Path), values.B);
            if (initialisation.TakesFromWeight)
            {
                LoraStart start = _starts[linear] = LoraStart.Of(Decoder.Backend, linear, rank, scale, values);
                ((LowRankBranch)_branches[linear]).Start = (start.A, start.B);
            }
        }
    }

    private LinearBranch BranchOn(LinearLayer linear)
    {
        string a = PeftNames.A(linear.Path), b = PeftNames.B(linear.Path), bias = PeftNames.BiasOfB(linear.Path);
        var lowRank = new LowRankBranch(
            Decoder.Backend, _values.Value(a), _values.Value(b), Settings.ScaleOf(linear.Path), _shared, (float)Settings.Dropout, _values.Gradient(a), _values.Gradient(b))
        {
            Bias = Settings.LoraBias ? _values.Value(bias) : null,
            DBias = Settings.LoraBias ? _values.Gradient(bias) : null,
        };
        string magnitude = PeftNames.Magnitude(linear.Path);
        return Settings.UseDora ? new DoraBranch(Decoder.Backend, linear, lowRank, _values.Value(magnitude), _values.Gradient(magnitude), _shared) : lowRank;
    }

    /// <summary>The head's loss takes one matrix: see <see cref="LinearBranch.BackwardMerged"/>.</summary>
    private void RefuseWhatIsNotSupported(bool trainable)
    {
        bool head = _modules.Linears.Any(linear => linear.Path == Decoder.HeadPath);
        if (head && (Settings.LoraBias || (trainable && Settings.Dropout > 0)))
        {
            throw Unsupported(
                $"An adapter on {Decoder.HeadPath} cannot {(Settings.LoraBias ? "have a bias of its own (lora_bias)" : "be trained with dropout")}.",
                $"Set LoraDropout to 0, or leave {Decoder.HeadPath} out of LoraTargetModules.", nameof(RunSettings.LoraDropout));
        }

        if (LoraInitialisation.Find(Settings.Init).TakesFromWeight)
        {
            if (Settings.UseDora)
            {
                throw Unsupported($"DoRA cannot begin with {Settings.Init}.", "Set LoraInit to default or gaussian, or UseDora to false.", nameof(RunSettings.LoraInit));
            }

            if (_modules.Linears.FirstOrDefault(linear => Settings.RankOf(linear.Path) > Math.Min(linear.InFeatures, linear.OutFeatures)) is { } small)
            {
                throw Unsupported(
                    $"The rank {Settings.RankOf(small.Path)} is above the smaller side of {small.Path}, {Math.Min(small.InFeatures, small.OutFeatures)}: {Settings.Init} has no such part of the weight.",
                    "Lower LoraRank, or LoraRankPattern for that layer.", nameof(RunSettings.LoraInit));
            }
        }

        if (Settings.UseDora && (Settings.LoraBias || _modules.Embedding || (head && trainable)))
        {
            throw Unsupported(
                $"DoRA cannot {(Settings.LoraBias ? "be combined with lora_bias" : $"be trained on {(head ? Decoder.HeadPath : Decoder.EmbeddingPath)}")}.",
                "Set UseDora to false, or leave head and embedding out of LoraTargetModules.", nameof(RunSettings.UseDora));
        }
    }

    private FineTuneException Unsupported(string message, string remedy, string setting) => new(Codes.UnsupportedAdapter, message, remedy, Settings.PlaceOf(setting));
}
