using FineTuneTool.Engine.Tests.Fuzzing;

namespace FineTuneTool.Engine.Tests.Formats;

/// <summary>Damages binary files and checks that reading ends in success or in a coded refusal, without hangs or large allocations.</summary>
internal static class Mutations
{
    public static void Run(byte[][] seeds, int count, Action<string> read) => new FuzzRun(seeds) { Count = count, Times = 0, AllowanceBytes = 4 << 20 }.Files("mutated", read);
}
