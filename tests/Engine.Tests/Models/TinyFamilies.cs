using FineTuneTool.Engine.Models;

namespace FineTuneTool.Engine.Tests.Models;

/// <summary>Comparing descriptions of models.</summary>
internal static class TinyFamilies
{
    /// <summary>Records compare their lists by reference; this compares what is in them.</summary>
    public static void Same(DecoderSpec expected, DecoderSpec actual)
    {
        Assert.Equal(expected.SlidingWindows.Any(window => window > 0) ? expected.SlidingWindows : [], actual.SlidingWindows.Any(window => window > 0) ? actual.SlidingWindows : []);
        Same(expected.Rope, actual.Rope);
        Same(expected.LocalRope ?? new(), actual.LocalRope ?? new());
        Assert.Equal(expected with { SlidingWindows = [], Rope = new(), LocalRope = null }, actual with { SlidingWindows = [], Rope = new(), LocalRope = null });
    }

    private static void Same(RopeParameters expected, RopeParameters actual)
    {
        Assert.Equal(expected.ShortFactor, actual.ShortFactor);
        Assert.Equal(expected.LongFactor, actual.LongFactor);
        Assert.Equal(expected.Divisors, actual.Divisors);
        Assert.Equal(expected with { ShortFactor = null, LongFactor = null, Divisors = null }, actual with { ShortFactor = null, LongFactor = null, Divisors = null });
    }
}
