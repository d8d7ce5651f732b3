namespace FineTuneTool.Engine.Tokenizers.Unicode;

/// <summary>What a pattern of a tokenizer may ask about a code point; several can hold at once.</summary>
[Flags]
internal enum PointClass : ushort
{
    None = 0,

    /// <summary><c>\p{L}</c></summary>
    Letter = 1,

    /// <summary><c>\p{N}</c></summary>
    Number = 2,

    /// <summary><c>\s</c>: the 25 code points with the property White_Space.</summary>
    WhiteSpace = 4,

    /// <summary><c>\p{M}</c></summary>
    Mark = 8,

    /// <summary><c>[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]</c></summary>
    UpperLike = 16,

    /// <summary><c>[\p{Ll}\p{Lm}\p{Lo}\p{M}]</c></summary>
    LowerLike = 32,

    /// <summary>Carriage return or line feed.</summary>
    LineBreak = 64,

    /// <summary><c>\p{P}</c></summary>
    Punctuation = 128,

    /// <summary><c>\p{S}</c></summary>
    Symbol = 256,

    /// <summary><c>\w</c> of the pattern engine: letters, marks, digits, letter numbers, connectors, alphabetic symbols.</summary>
    Word = 512,

    /// <summary>A word character where an added token asks for <c>single_word</c>: joiners, too.</summary>
    WordNeighbour = 1024,

    /// <summary><c>\p{Nd}</c></summary>
    Digit = 2048,

    /// <summary><c>\w</c> of the pattern engine inside brackets: without ², ³, ¹, ¼, ½, ¾.</summary>
    ListedWord = 4096,
}
