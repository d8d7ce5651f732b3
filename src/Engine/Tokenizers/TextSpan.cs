namespace FineTuneTool.Engine.Tokenizers;

/// <summary>A half-open range of a text in Unicode code points (not UTF-16 units), as the reference libraries count offsets.</summary>
public readonly record struct TextSpan(int Start, int End)
{
    public int Length => End - Start;
}
