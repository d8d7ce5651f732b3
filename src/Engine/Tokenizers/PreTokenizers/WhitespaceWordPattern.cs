using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>Runs of word characters, and runs of what is neither word nor white space: <c>\w+|[^\w\s]+</c>, with joiners as word characters.</summary>
internal sealed class WhitespaceWordPattern : SplitPattern
{
    public override bool Find(ReadOnlySpan<int> text, int from, out int start, out int end)
    {
        start = WordScan.Run(text, from, PointClass.WhiteSpace);
        bool word = start < text.Length && PointClasses.Is(text[start], PointClass.WordNeighbour);
        end = WordScan.Run(text, start, PointClass.WordNeighbour);
        while (!word && end < text.Length && !PointClasses.Is(text[end], PointClass.WordNeighbour | PointClass.WhiteSpace))
        {
            end++;
        }

        return start < text.Length;
    }
}
