namespace Stories;

/// <summary>
/// Short scenes of children at play, in which words come back: they show that what was said before matters, more plainly than a story does.
/// </summary>
internal sealed class Games(Grammar grammar, Draw draw)
{
    private static readonly string[] Askers = ["Mother", "Father", "Grandma", "Grandpa", "the teacher", "Aunt Rose"];

    public string Play() => Text.Polish(draw.Below(4) switch
    {
        0 => Echo(),
        1 => Bag(),
        2 => WhoHasWhat(),
        _ => WhoLivesWhere(),
    });

    /// <summary>Somebody repeats every word.</summary>
    private string Echo()
    {
        string name = Name(), parrot = draw.One(["the parrot", "the echo", "little " + Name(), "the baby"]);
        var lines = new List<string> { draw.One([$"{name} said words, and {parrot} said them again.", $"{parrot} repeated everything that {name} said.", $"It was a game: {name} spoke, and {parrot} did the same."]) };
        for (int round = 2 + draw.Below(4); round > 0; round--)
        {
            string words = string.Join(", ", Many(2 + draw.Below(4), Word));
            lines.Add($"\"{words},\" said {name}. \"{words},\" said {parrot}.");
        }

        lines.Add(draw.One(["Then they both laughed.", "And so it went on until supper.", "\"Enough!\" said " + draw.One(Askers) + "."]));
        return string.Join(' ', lines);
    }

    /// <summary>"I packed my bag": everybody says all things so far, and one more.</summary>
    private string Bag()
    {
        string verb = draw.One(["packed my bag, and I put in", "went to the market, and I bought", "sailed to an island, and I took along", "opened the box, and I found"]);
        List<string> names = Many(3 + draw.Below(2), Name), things = Many(3 + draw.Below(4), Thing);
        var lines = new List<string> { $"{string.Join(", ", names[..^1])} and {names[^1]} played a game." };
        for (int i = 0; i < things.Count; i++)
        {
            string all = i == 0 ? things[0] : $"{string.Join(", ", things[..i])} and {things[i]}";
            lines.Add($"\"I {verb} {all},\" said {names[i % names.Count]}.");
        }

        lines.Add($"{names[things.Count % names.Count]} could not remember {draw.One(things)}, and they all laughed.");
        return string.Join(' ', lines);
    }

    private string WhoHasWhat()
    {
        List<string> names = Many(2 + draw.Below(4), Name), things = Many(names.Count, Adorned);
        string verb = draw.One(["had", "found", "got", "drew", "carried"]), asker = draw.One(Askers);
        List<string> lines = [.. names.Zip(things, (name, thing) => $"{name} {verb} {Text.WithArticle(thing)}.")];
        foreach (int i in Shuffled(names.Count))
        {
            string thing = things[i].Split(' ')[^1];
            lines.Add(draw.Chance(50)
                ? $"\"Who {verb} the {thing}?\" asked {asker}. \"{names[i]} {verb} the {things[i]},\" said {names[(i + 1) % names.Count]}."
                : $"\"What about you, {names[i]}?\" asked {asker}. \"I {verb} {Text.WithArticle(things[i])},\" said {names[i]}.");
        }

        return string.Join(' ', lines);
    }

    private string WhoLivesWhere()
    {
        List<string> names = Many(2 + draw.Below(3), () => draw.One(grammar["petname", ""])), kinds = Many(names.Count, () => draw.One(grammar["animal", ""])),
            traits = Many(names.Count, () => draw.One(draw.One(grammar.Plots).Traits));
        List<string> lines = [.. names.Select((name, i) => draw.One([$"{name} was {Text.WithArticle($"{traits[i]} {kinds[i]}")}.", $"There was {Text.WithArticle($"{traits[i]} {kinds[i]}")} called {name}."]))];
        foreach (int i in Shuffled(names.Count))
        {
            lines.Add(draw.One(
            [
                $"Who was {traits[i]}? It was {Named(i)}, the {kinds[i]}.",
                $"The {traits[i]} {kinds[i]} was {Named(i)}.",
                $"{Named(i)} the {kinds[i]} was really very {traits[i]}.",
                $"\"Hello, {Named(i)}!\" said {names[(i + 1) % names.Count]} the {kinds[(i + 1) % names.Count]}. \"Hello, {names[(i + 1) % names.Count]}!\" said {Named(i)} the {kinds[i]}.",
            ]));
        }

        return string.Join(' ', lines);

        string Named(int i) => names[i];
    }

    private string Name() => draw.One(grammar[draw.One(["girl", "boy", "petname"]), ""]);

    /// <summary>A thing, an animal, or what can be seen outside.</summary>
    private string Word() => draw.Below(3) switch
    {
        0 => draw.One(grammar["animal", ""]),
        1 => draw.One(grammar["scenery", ""]).Split(";;")[0].Trim(),
        _ => draw.One(grammar["object", ""]).Split('=')[0],
    };

    private string Thing() => Text.WithArticle(draw.Chance(50) ? Adorned() : draw.One(grammar["object", ""]).Split('=')[0]);

    private string Adorned()
    {
        string[] thing = draw.One(grammar["object", ""]).Split('=');
        return $"{draw.One(thing[1].Split('/'))} {thing[0]}";
    }

    private static List<string> Many(int count, Func<string> one)
    {
        var words = new List<string>();
        while (words.Count < count)
        {
            string word = one();
            if (!words.Contains(word))
            {
                words.Add(word);
            }
        }

        return words;
    }

    private List<int> Shuffled(int count)
    {
        List<int> order = [.. Enumerable.Range(0, count)];
        for (int i = count - 1; i > 0; i--)
        {
            int j = draw.Below(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }
}
