using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>
/// The words of Llama 3 (numbers of up to three digits) and Qwen 2 (of one):
/// <c>(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+</c>.
/// </summary>
internal sealed class Llama3Pattern(int digits) : SplitPattern
{
    public const string Llama3Regex =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public const string Qwen2Regex =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public override bool Find(ReadOnlySpan<int> text, int from, out int start, out int end)
    {
        start = end = from;
        if (from >= text.Length)
        {
            return false;
        }

        end = WordScan.Contraction(text, from, ignoreCase: true);
        if (end > from)
        {
            return true;
        }

        PointClass first = PointClasses.Of(text[from]);
        bool mayPrecedeLetters = (first & (PointClass.LineBreak | PointClass.Number)) == 0;
        int letters = (first & PointClass.Letter) != 0 ? from
            : mayPrecedeLetters && from + 1 < text.Length && PointClasses.Is(text[from + 1], PointClass.Letter) ? from + 1
            : -1;
        if (letters >= 0)
        {
            end = WordScan.Run(text, letters, PointClass.Letter);
            return true;
        }

        end = WordScan.Numbers(text, from, digits);
        if (end > from)
        {
            return true;
        }

        int body = text[from] == ' ' ? from + 1 : from;
        int others = WordScan.Others(text, body);
        end = others > body ? WordScan.Run(text, others, PointClass.LineBreak) : WordScan.Spaces(text, from, breakLines: true);
        return true;
    }
}
