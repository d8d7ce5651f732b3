using System.Buffers;
using System.Runtime.InteropServices;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>
/// Low-rank branches on some linear layers of one decoder: new ones to be trained, or those of a PEFT folder. Make it count with
/// <see cref="Decoder.ActiveAdapter"/>. Names, shapes and scaling are PEFT's, so that either can read what the other wrote.
/// </summary>
public sealed class LoraAdapter : Adapter
{
    /// <summary>Elements that are copied at the same time.</summary>
    private const int PieceElements = 1 << 14;

    private readonly Dictionary<LinearLayer, LowRankBranch> _branches = [];
    private readonly Dictionary<long, RowBuffer> _dProducts = [];
    private readonly ParameterSet _values;
    private readonly bool _trainable;

    private LoraAdapter(Decoder decoder, LoraSettings settings, IReadOnlyList<LinearLayer> linears, bool trainable)
        : base(decoder)
    {
        Settings = settings;
        _trainable = trainable;
        RefuseDropoutOnHead(linears);
        _values = new ParameterSet(
            decoder.Backend,
            linears.SelectMany(linear => new[]
            {
                (PeftNames.A(linear.Path), new Shape(settings.RankOf(linear.Path), linear.InFeatures), true),
                (PeftNames.B(linear.Path), new Shape(linear.OutFeatures, settings.RankOf(linear.Path)), true),
            }));
        for (int i = 0; i < linears.Count; i++)
        {
            Parameter a = _values.Parameters[2 * i], b = _values.Parameters[2 * i + 1];
            _branches[linears[i]] = new LowRankBranch(
                decoder.Backend, _values.ValueOf(a), _values.ValueOf(b), settings.ScaleOf(linears[i].Path), DProductOf(decoder.Backend, a.Shape[0]), (float)settings.Dropout,
                trainable ? _values.GradientOf(a) : null, trainable ? _values.GradientOf(b) : null);
        }
    }

    public LoraSettings Settings { get; }

    public override IReadOnlyDictionary<LinearLayer, LowRankBranch> Branches => _branches;

    public override ParameterSet? Parameters => _trainable ? _values : null;

    /// <summary>
    /// New branches that change nothing yet: A uniform in ±1/√K, B zero (PEFT's default). Raises <see cref="Codes.NoTargetModules"/> where a name,
    /// number or pattern in the settings matches no layer.
    /// </summary>
    /// <param name="seed">Each module draws from a stream of its own, so that adding a target leaves the others as they were.</param>
    public static LoraAdapter Create(Decoder decoder, LoraSettings settings, ulong seed)
    {
        IReadOnlyList<LinearLayer> linears = LoraTargets.Select(decoder, settings);
        var adapter = new LoraAdapter(decoder, settings, linears, trainable: true);
        float[] values = [];
        for (int i = 0; i < linears.Count; i++)
        {
            Parameter a = adapter._values.Parameters[2 * i];
            var random = new CounterRandom(seed, RandomPurpose.Initialisation, (ulong)linears[i].Index);
            float bound = 1 / MathF.Sqrt(linears[i].InFeatures);
            values = values.Length >= a.Shape.Count ? values : new float[a.Shape.Count];
            for (int k = 0; k < a.Shape.Count; k++)
            {
                values[k] = (2 * random.Uniform((ulong)k) - 1) * bound;
            }

            adapter._values.WriteValues(values.AsSpan(0, (int)a.Shape.Count), a.Offset);
        }

        return adapter;
    }

    /// <summary>
    /// The branches of a PEFT folder. Raises <see cref="Codes.UnsupportedAdapter"/> for kinds other than plain LoRA on linear layers, and
    /// <see cref="Codes.AdapterDoesNotFit"/> where tensors, configuration and model disagree.
    /// </summary>
    public static LoraAdapter Load(Decoder decoder, PeftAdapter files, bool trainable)
    {
        var reader = new LoraReader(decoder, files);
        var adapter = new LoraAdapter(decoder, reader.Settings, reader.Linears, trainable);
        foreach (Parameter parameter in adapter._values.Parameters)
        {
            using Tensor stored = decoder.Backend.Load(files.Tensors.Find(parameter.Name)!);
            using Tensor target = adapter._values.ValueOf(parameter);
            WeightReader.Widen(decoder.Backend, stored, target);
        }

        return adapter;
    }

    /// <summary>The content of adapter_config.json. Targets are written as names of layers where names say the same, else as whole paths.</summary>
    /// <param name="baseModelName">Name of the base model for whoever loads the adapter.</param>
    public PeftConfig ToConfig(string? baseModelName)
    {
        string[] paths = [.. _branches.Keys.OrderBy(linear => linear.Index).Select(linear => linear.Path)];
        ModuleSelection names = ModuleSelection.Of([.. paths.Select(path => path[(path.LastIndexOf('.') + 1)..]).Distinct()]);
        bool same = LoraTargets.Match(Decoder, Settings with { Targets = names, Exclude = null, Layers = null }).Count == paths.Length;
        return new PeftConfig
        {
            BaseModelNameOrPath = baseModelName,
            R = Settings.Rank,
            LoraAlpha = Settings.Alpha,
            LoraDropout = Settings.Dropout,
            TargetModules = same ? names : ModuleSelection.Of(paths),
            RankPattern = Settings.RankPattern,
            AlphaPattern = Settings.AlphaPattern,
            UseRslora = Settings.UseRslora,
        };
    }

    /// <summary>Every A and B, F32, under PEFT's names, copied when they are written.</summary>
    public IReadOnlyList<TensorSource> ToTensors() =>
    [
        .. _values.Parameters.Select(parameter => new TensorSource(parameter.Name, ElementType.F32, parameter.Shape, stream => Copy(parameter, stream))),
    ];

    /// <summary>Writes adapter_config.json and adapter_model.safetensors into a folder.</summary>
    public void Write(string folder, string? baseModelName) => PeftAdapter.Write(folder, ToConfig(baseModelName), ToTensors());

    public override void Dispose()
    {
        if (Decoder.ActiveAdapter == this)
        {
            Decoder.ActiveAdapter = null;
        }

        foreach (LowRankBranch branch in _branches.Values)
        {
            branch.Dispose();
        }

        foreach (RowBuffer dProduct in _dProducts.Values)
        {
            dProduct.Dispose();
        }

        _values.Dispose();
    }

    private void Copy(Parameter parameter, Stream stream)
    {
        float[] piece = ArrayPool<float>.Shared.Rent(PieceElements);
        for (long done = 0; done < parameter.Shape.Count; done += PieceElements)
        {
            Span<float> values = piece.AsSpan(0, (int)Math.Min(PieceElements, parameter.Shape.Count - done));
            _values.ReadValues(values, parameter.Offset + done);
            stream.Write(MemoryMarshal.AsBytes(values));
        }

        ArrayPool<float>.Shared.Return(piece);
    }

    private RowBuffer DProductOf(Backend backend, long rank)
    {
        if (!_dProducts.TryGetValue(rank, out RowBuffer? dProduct))
        {
            _dProducts[rank] = dProduct = new RowBuffer(backend, rank, backend.ActivationType);
        }

        return dProduct;
    }

    private void RefuseDropoutOnHead(IReadOnlyList<LinearLayer> linears)
    {
        if (_trainable && Settings.Dropout > 0 && linears.Any(linear => linear.Path == Decoder.HeadPath))
        {
            throw new FineTuneException(
                Codes.UnsupportedAdapter, $"An adapter on {Decoder.HeadPath} cannot be trained with dropout.",
                $"Set LoraDropout to 0, or leave {Decoder.HeadPath} out of LoraTargetModules.");
        }
    }
}
