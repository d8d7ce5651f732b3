namespace FineTuneTool.Engine.Tokenizers.Models;

/// <summary>Collects tokens, with the ranges that they stand for when these are wanted.</summary>
internal sealed class TokenSink(bool withOffsets)
{
    public bool WithOffsets { get; private set; } = withOffsets;

    public List<int> Ids { get; } = [];

    /// <summary>One range per id, or empty when offsets are not wanted.</summary>
    public List<TextSpan> Offsets { get; } = [];

    /// <summary>What stands in the text for an added token that took white space with it, by position in <see cref="Ids"/>.</summary>
    public Dictionary<int, string> Surfaces { get; } = [];

    /// <summary>Begins a new text.</summary>
    public void Reset(bool wantsOffsets)
    {
        WithOffsets = wantsOffsets;
        Ids.Clear();
        Offsets.Clear();
        Surfaces.Clear();
    }

    /// <summary>Takes the tokens from a place on back.</summary>
    public void RemoveFrom(int index)
    {
        Ids.RemoveRange(index, Ids.Count - index);
        if (WithOffsets)
        {
            Offsets.RemoveRange(index, Offsets.Count - index);
        }
    }

    public void Add(int id, TextSpan offset)
    {
        Ids.Add(id);
        if (WithOffsets)
        {
            Offsets.Add(offset);
        }
    }
}
