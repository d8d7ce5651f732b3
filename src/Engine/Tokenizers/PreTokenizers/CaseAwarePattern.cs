using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>
/// The words of Tekken (Mistral; one digit) and o200k (three digits, contractions stay with their word), which begin anew where a
/// capital follows a small letter. With U = <c>[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]</c> and L = <c>[\p{Ll}\p{Lm}\p{Lo}\p{M}]</c>:
/// <c>[^\r\n\p{L}\p{N}]?U*L+|[^\r\n\p{L}\p{N}]?U+L*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+</c>.
/// </summary>
internal sealed class CaseAwarePattern(int digits, bool contractions) : SplitPattern
{
    public const string TekkenRegex =
        @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public const string O200kRegex =
        @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public override bool Find(ReadOnlySpan<int> text, int from, out int start, out int end)
    {
        start = end = from;
        if (from >= text.Length)
        {
            return false;
        }

        PointClass first = PointClasses.Of(text[from]);
        bool maybePrefix = (first & (PointClass.LineBreak | PointClass.Letter | PointClass.Number)) == 0;
        end = maybePrefix ? Lower(text, from + 1) : -1;
        end = end >= 0 ? end : Lower(text, from);
        end = end >= 0 || !maybePrefix ? end : Upper(text, from + 1);
        end = end >= 0 ? end : Upper(text, from);
        if (end >= 0)
        {
            end = contractions ? WordScan.Contraction(text, end, ignoreCase: true) : end;
            return true;
        }

        end = WordScan.Numbers(text, from, digits);
        if (end > from)
        {
            return true;
        }

        int body = text[from] == ' ' ? from + 1 : from;
        int others = WordScan.Others(text, body);
        if (others == body)
        {
            end = WordScan.Spaces(text, from, breakLines: true);
            return true;
        }

        end = others;
        while (end < text.Length && text[end] is ('\r' or '\n' or '/'))
        {
            end++;
        }

        return true;
    }

    /// <summary><c>U*L+</c>: the capitals give back as little as the small letters need. −1 without a match.</summary>
    private static int Lower(ReadOnlySpan<int> text, int at)
    {
        int capitals = WordScan.Run(text, at, PointClass.UpperLike);
        int end = WordScan.Run(text, capitals, PointClass.LowerLike);
        if (end > capitals)
        {
            return end;
        }

        for (int i = capitals - 1; i >= at; i--)
        {
            if (PointClasses.Is(text[i], PointClass.LowerLike))
            {
                return i + 1;
            }
        }

        return -1;
    }

    /// <summary><c>U+L*</c>; −1 without a match.</summary>
    private static int Upper(ReadOnlySpan<int> text, int at)
    {
        int capitals = WordScan.Run(text, at, PointClass.UpperLike);
        return capitals > at ? WordScan.Run(text, capitals, PointClass.LowerLike) : -1;
    }
}
