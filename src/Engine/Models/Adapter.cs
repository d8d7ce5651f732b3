namespace FineTuneTool.Engine.Models;

/// <summary>
/// What can be laid over a decoder without changing it: branches on some of its linear layers. Several may exist for one decoder;
/// <see cref="Decoder.ActiveAdapter"/> says which one counts.
/// </summary>
public abstract class Adapter(Decoder decoder) : IDisposable
{
    /// <summary>The decoder whose layers the branches fit.</summary>
    public Decoder Decoder { get; } = decoder;

    /// <summary>Branches by layer.</summary>
    public abstract IReadOnlyDictionary<LinearLayer, LowRankBranch> Branches { get; }

    /// <summary>What training changes; null where the adapter is frozen.</summary>
    public abstract ParameterSet? Parameters { get; }

    public abstract void Dispose();
}
