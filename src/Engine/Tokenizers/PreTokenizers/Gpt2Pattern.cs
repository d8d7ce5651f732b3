using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>GPT-2's words: <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>.</summary>
internal sealed class Gpt2Pattern : SplitPattern
{
    public const string Regex = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public override bool Find(ReadOnlySpan<int> text, int from, out int start, out int end)
    {
        start = end = from;
        if (from >= text.Length)
        {
            return false;
        }

        end = WordScan.Contraction(text, from, ignoreCase: false);
        if (end > from)
        {
            return true;
        }

        int body = text[from] == ' ' && from + 1 < text.Length ? from + 1 : from;
        PointClass kind = PointClasses.Of(text[body]);
        end = (kind & PointClass.Letter) != 0 ? WordScan.Run(text, body, PointClass.Letter)
            : (kind & PointClass.Number) != 0 ? WordScan.Run(text, body, PointClass.Number)
            : (kind & PointClass.WhiteSpace) == 0 ? WordScan.Others(text, body)
            : WordScan.Spaces(text, from, breakLines: false);
        return true;
    }
}
