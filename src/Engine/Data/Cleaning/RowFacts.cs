using System.Buffers.Binary;
using FineTuneTool.Engine.Prompts;

namespace FineTuneTool.Engine.Data.Cleaning;

/// <summary>What cleaning and splitting must know of a row by itself. Made by any thread.</summary>
/// <param name="Content">The first 16 bytes of <see cref="ExampleContent.Hash"/>.</param>
/// <param name="Signature">For near-duplicates; null where they are not asked for, or the row is too short.</param>
/// <param name="Fault">Why the row is to be left out, null where nothing speaks against it.</param>
public sealed record RowFacts(UInt128 Content, uint[]? Signature, TextQuality Quality, string? Fault)
{
    /// <summary>The part of the hash that decides the row's side.</summary>
    public ulong SplitContent => (ulong)Content;

    internal static RowFacts Of(Example example, CleaningSettings settings, Boilerplate? boilerplate)
    {
        ReadOnlySpan<byte> hash = ExampleContent.Hash(example);
        TextQuality quality = example is TokensExample ? new TextQuality(1, 0, 0) : TextQuality.Of(ExampleContent.Texts(example));
        uint[]? signature = boilerplate is null || example is TokensExample ? null : MinHash.Signature(Shingles.Of(ExampleContent.Texts(example), boilerplate));
        return new RowFacts(BinaryPrimitives.ReadUInt128LittleEndian(hash), signature, quality, settings.FaultOf(example, quality));
    }
}
