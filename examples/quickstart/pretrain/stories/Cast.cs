namespace Stories;

/// <summary>Who and what a story is about: the words that stay the same from its first sentence to its last.</summary>
internal sealed class Cast
{
    private static readonly string[] Uncountable = ["snow", "rain", "wind", "ice", "fog", "mud", "stars", "leaves"], Single = ["moon", "sea", "sun"];

    private readonly Dictionary<string, string> _words = [];

    public Cast(Grammar grammar, Draw draw)
    {
        Plot = draw.One(grammar.Plots);
        World = draw.Chance(35) ? "child" : "animal";
        string trait = draw.One(Plot.Traits);
        Person("", grammar, draw, World == "child");
        Person("f", grammar, draw, World == "child");
        while (_words["fkind"] == _words["kind"] && World == "animal" || _words["friend"] == _words["hero"])
        {
            Person("f", grammar, draw, World == "child");
        }

        Elder(grammar, draw);
        (_words["ohe"], _words["ohis"]) = draw.Chance(50) ? ("he", "his") : ("she", "her");
        string[] thing = draw.One(grammar["object", World]).Split('=');
        string adjective = draw.One(thing[1].Split('/'));
        (_words["trait"], _words["obj"], _words["objadj"]) = (trait, thing[0], adjective);
        _words["aobj"] = Text.WithArticle($"{adjective} {thing[0]}");
        string[] scenery = draw.One(grammar["scenery", World]).Split(";;");
        (_words["scenery"], _words["scenery.start"], _words["scenery.end"]) = (scenery[0].Trim(), scenery[1].Trim(), scenery[2].Trim());
        _words["ascenery"] = Uncountable.Contains(_words["scenery"]) ? _words["scenery"]
            : Single.Contains(_words["scenery"]) ? $"the {_words["scenery"]}" : Text.WithArticle(_words["scenery"]);
    }

    public Plot Plot { get; }

    /// <summary>"child" or "animal": some rules have alternatives for one of them.</summary>
    public string World { get; }

    public string this[string name] => _words[name];

    public bool Has(string name) => _words.ContainsKey(name);

    private void Person(string prefix, Grammar grammar, Draw draw, bool isChild)
    {
        bool male = draw.Chance(50);
        _words[prefix.Length == 0 ? "hero" : "friend"] = draw.One(grammar[isChild ? male ? "boy" : "girl" : "petname", World]);
        _words[$"{prefix}kind"] = isChild ? male ? "boy" : "girl" : draw.One(grammar["animal", World]);
        Pronouns(prefix, male);
    }

    private void Elder(Grammar grammar, Draw draw)
    {
        bool male = draw.Chance(50);
        _words["elder"] = World == "animal" ? $"the old {draw.One(grammar["elderkind", World])}"
            : draw.One(male ? ["Grandpa", "Father", "Uncle Jim", "Mr. Brown", "Grandpa Joe"] : (string[])["Grandma", "Mother", "Aunt Rose", "Mrs. Green", "Grandma May"]);
        Pronouns("e", male);
    }

    private void Pronouns(string prefix, bool male)
    {
        string[] words = male ? ["he", "him", "his", "himself"] : ["she", "her", "her", "herself"];
        (_words[$"{prefix}he"], _words[$"{prefix}him"], _words[$"{prefix}his"], _words[$"{prefix}himself"]) = (words[0], words[1], words[2], words[3]);
    }
}
