using System.Text;

namespace Stories;

/// <summary>
/// Tells a story: fills the sentences of its plot. In a text, [a|b] is one of the alternatives, {name} a word of the cast or the outcome of a rule,
/// the same at every place, {:name} a rule that is drawn anew, {a name} the same with its article, {Name} a word with a capital letter,
/// and ?{name} what may be left out.
/// </summary>
/// <param name="tellsAll">Every word of the cast appears.</param>
internal sealed class Teller(Grammar grammar, Cast cast, Draw draw, bool tellsAll)
{
    private const int Retries = 8;

    private readonly Dictionary<string, string> _remembered = [];
    private readonly HashSet<string> _used = [];
    private int _heroes;
    private bool _shows;

    public string Moral() => draw.One(cast.Plot.Morals);

    public string Story()
    {
        var story = new StringBuilder();
        foreach (string line in cast.Plot.Lines)
        {
            if (line.Length == 0)
            {
                story.Append('\n');
            }
            else if (line.Contains("scenery.end", StringComparison.Ordinal) && !_shows)
            {
                continue;
            }
            else if (!line.StartsWith("? ", StringComparison.Ordinal))
            {
                Write(line, story);
            }
            else if (line.Contains("scenery.start", StringComparison.Ordinal) ? _shows = tellsAll || draw.Chance(70) : draw.Chance(50))
            {
                Write(line[2..], story);
            }
        }

        return Paragraphs(Text.Polish(story.ToString()));
    }

    public string Expand(string text)
    {
        var expanded = new StringBuilder();
        Write(text, expanded, spaced: false);
        return expanded.ToString();
    }

    private static string Paragraphs(string text) =>
        string.Join("\n\n", text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

    private void Write(string text, StringBuilder output, bool spaced = true)
    {
        for (int i = 0; i < text.Length; i++)
        {
            bool optional = text[i] == '?' && i + 1 < text.Length && text[i + 1] == '{';
            if (optional)
            {
                i++;
            }

            if (text[i] == '[')
            {
                int end = Close(text, i, '[', ']');
                Write(draw.One(Alternatives(text[(i + 1)..end])), output, spaced: false);
                i = end;
            }
            else if (text[i] == '{')
            {
                int end = text.IndexOf('}', i);
                if (!optional || draw.Chance(50))
                {
                    Slot(text[(i + 1)..end], output);
                }

                i = end;
            }
            else
            {
                output.Append(text[i]);
            }
        }

        if (spaced)
        {
            output.Append(' ');
        }
    }

    private void Slot(string slot, StringBuilder output)
    {
        if (slot.StartsWith("a ", StringComparison.Ordinal))
        {
            output.Append(Text.WithArticle(Word(slot[2..])));
        }
        else if (slot == "hero" && ++_heroes > 3 && draw.Chance(15) && BeginsSentence(output))
        {
            output.Append($"the {draw.One([cast["trait"], "little", "little"])} {cast["kind"]}");
        }
        else
        {
            output.Append(char.IsUpper(slot[0]) ? Text.Capital(Word(slot.ToLowerInvariant())) : Word(slot));
        }
    }

    private string Word(string name)
    {
        bool anew = name[0] == ':';
        name = anew ? name[1..] : name;
        if (cast.Has(name))
        {
            return name.StartsWith("scenery.", StringComparison.Ordinal) ? Expand(cast[name]) : cast[name];
        }

        if (!anew && _remembered.TryGetValue(name, out string? known))
        {
            return known;
        }

        string word = Fresh(name.TrimEnd('2'));
        if (!anew)
        {
            _remembered[name] = word;
        }

        return word;
    }

    /// <summary>An outcome of a rule that the story has not had yet, as far as there is one.</summary>
    private string Fresh(string rule)
    {
        string word = "";
        for (int i = 0; i < Retries && (word.Length == 0 || _used.Contains(word) || word == cast["kind"] || word == cast["fkind"]); i++)
        {
            word = Expand(draw.One(grammar[rule, cast.World]));
        }

        _used.Add(word);
        return word;
    }

    private static bool BeginsSentence(StringBuilder output)
    {
        int last = output.Length - 1;
        while (last >= 0 && output[last] == ' ')
        {
            last--;
        }

        return last >= 0 && output[last] is '.' or '\n';
    }

    private static int Close(string text, int open, char left, char right)
    {
        int depth = 0;
        for (int i = open; ; i++)
        {
            depth += text[i] == left ? 1 : text[i] == right ? -1 : 0;
            if (depth == 0)
            {
                return i;
            }
        }
    }

    private static List<string> Alternatives(string text)
    {
        List<string> parts = [];
        int depth = 0, start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            depth += text[i] == '[' ? 1 : text[i] == ']' ? -1 : 0;
            if (text[i] == '|' && depth == 0)
            {
                parts.Add(text[start..i]);
                start = i + 1;
            }
        }

        parts.Add(text[start..]);
        return parts;
    }
}
