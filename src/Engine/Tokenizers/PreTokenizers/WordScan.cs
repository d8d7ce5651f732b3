using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>The pieces that the published splitting patterns are made of. Every method takes a start and returns an end.</summary>
internal static class WordScan
{
    private const int LongS = 0x17F;

    /// <summary><c>[class]*</c></summary>
    public static int Run(ReadOnlySpan<int> text, int at, PointClass any)
    {
        while (at < text.Length && PointClasses.Is(text[at], any))
        {
            at++;
        }

        return at;
    }

    /// <summary><c>\p{N}{1,limit}</c>, or an empty match.</summary>
    public static int Numbers(ReadOnlySpan<int> text, int at, int limit)
    {
        int end = at;
        while (end < text.Length && end - at < limit && PointClasses.Is(text[end], PointClass.Number))
        {
            end++;
        }

        return end;
    }

    /// <summary><c>[^\s\p{L}\p{N}]*</c></summary>
    public static int Others(ReadOnlySpan<int> text, int at)
    {
        while (at < text.Length && !PointClasses.Is(text[at], PointClass.WhiteSpace | PointClass.Letter | PointClass.Number))
        {
            at++;
        }

        return at;
    }

    /// <summary><c>\s*[\r\n]+|\s+(?!\S)|\s+</c>, the first without <paramref name="breakLines"/> left out. The text at the start is white space.</summary>
    public static int Spaces(ReadOnlySpan<int> text, int at, bool breakLines)
    {
        int end = Run(text, at, PointClass.WhiteSpace);
        for (int i = end - 1; breakLines && i >= at; i--)
        {
            if (text[i] is '\r' or '\n')
            {
                return i + 1;
            }
        }

        // The last space belongs to the word that follows, unless it is the only one.
        return end < text.Length && end - at > 1 ? end - 1 : end;
    }

    /// <summary><c>'s|'t|'re|'ve|'m|'ll|'d</c>, in any case with <paramref name="ignoreCase"/>; or an empty match.</summary>
    public static int Contraction(ReadOnlySpan<int> text, int at, bool ignoreCase)
    {
        if (at + 1 >= text.Length || text[at] != '\'')
        {
            return at;
        }

        int first = Fold(text[at + 1], ignoreCase);
        if (first is 's' or 't' or 'm' or 'd')
        {
            return at + 2;
        }

        int second = at + 2 < text.Length ? Fold(text[at + 2], ignoreCase) : 0;
        return (first, second) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? at + 3 : at;
    }

    private static int Fold(int point, bool ignoreCase) => point switch
    {
        >= 'A' and <= 'Z' when ignoreCase => point | 0x20,
        LongS when ignoreCase => 's',
        _ => point,
    };
}
