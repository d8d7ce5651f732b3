using System.Text;

namespace Stories;

/// <summary>Spelling: articles, capital letters, spaces.</summary>
internal static class Text
{
    public static string WithArticle(string words) => ("aeiou".Contains(words[0]) && !words.StartsWith("unif", StringComparison.Ordinal) ? "an " : "a ") + words;

    public static string Capital(string word) => char.ToUpperInvariant(word[0]) + word[1..];

    /// <summary>One space between words, none before a mark, and a capital letter where a sentence or a speech begins.</summary>
    public static string Polish(string text)
    {
        var polished = new StringBuilder(text.Length);
        bool begins = true, open = false;
        foreach (char letter in text)
        {
            if (letter == ' ' && (polished.Length == 0 || polished[^1] is ' ' or '\n'))
            {
                continue;
            }

            if (letter is '.' or ',' or '!' or '?' or '\n' && polished.Length > 0 && polished[^1] == ' ')
            {
                polished.Length--;
            }

            polished.Append(begins && char.IsLetter(letter) ? char.ToUpperInvariant(letter) : letter);
            if (letter == '"')
            {
                open = !open;
                begins = open || (polished.Length > 1 && polished[^2] is '.' && begins);
            }
            else if (char.IsLetterOrDigit(letter) || letter is ',' or ';')
            {
                begins = false;
            }
            else if (letter is '.' or '!' or '?' or ':' or '\n')
            {
                begins = letter != ':';
            }
        }

        return polished.ToString().Trim();
    }
}
