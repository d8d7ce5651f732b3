namespace FineTuneTool.Engine.Tokenizers;

/// <summary>What a token of a SentencePiece model or of a GGUF vocabulary is for; the numbers are those of both formats.</summary>
internal enum PieceType
{
    Undefined = 0,
    Normal = 1,
    Unknown = 2,

    /// <summary>Never made from ordinary text.</summary>
    Control = 3,

    /// <summary>Always one token where it stands in the text.</summary>
    UserDefined = 4,
    Unused = 5,

    /// <summary><c>&lt;0xNN&gt;</c>, a byte of a character that the vocabulary lacks.</summary>
    Byte = 6,
}
