namespace FineTuneTool.Engine.Tokenizers;

/// <summary>A token that has a part to play: its text and its id.</summary>
public sealed record SpecialToken(string Text, int Id);

/// <summary>
/// Which tokens begin, end and pad a text. A part that the model does not declare is null.
/// <paramref name="AddBosToken"/> and <paramref name="AddEosToken"/> say what encoding with special tokens really does.
/// </summary>
public sealed record SpecialTokens(
    SpecialToken? BosToken = null,
    SpecialToken? EosToken = null,
    SpecialToken? UnknownToken = null,
    SpecialToken? PadToken = null,
    bool AddBosToken = false,
    bool AddEosToken = false);
