using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Adapters;

/// <summary>How a prefix is made.</summary>
/// <param name="Length">Virtual tokens.</param>
/// <param name="Projection">The keys and values are made by a network that is trained instead of them.</param>
public sealed record PrefixSettings(int Length, bool Projection = false)
{
    public static PrefixSettings From(RunSettings settings) => new(settings.PrefixLength, settings.PrefixProjection);
}
