using System.Text.RegularExpressions;

namespace Stories;

/// <summary>The two kinds of texts that are written: stories as they are told, and stories in a form that a prompt asks for.</summary>
internal static partial class Tales
{
    private const ulong CorpusSeed = 1, RowSeed = 2;

    private static readonly string[] Leads =
    [
        "This is a story about {a trait} {kind}. There is {aobj} in it, and {ascenery}.",
        "Here is a story about {a trait} {kind}, with {a obj} and {ascenery}.",
        "Now listen to the story of {a trait} {kind}. You will hear about {ascenery} and {a obj}.",
        "Do you know the story of the {trait} {kind}? It has {ascenery} in it, and {a obj}.",
        "Tonight's story is about {a trait} {kind}, {a obj} and {ascenery}.",
    ];

    private static readonly string[] Prompts =
    [
        "Write a story about {a trait} {kind}, with the words {words}.",
        "Write a story about {a trait} {kind}, with the words {words}",
        "Tell me a story about {a trait} {kind}. Use the words {words}.",
    ];

    /// <summary>A text of the corpus: a game, or a story, of which every third one says first what it is about.</summary>
    public static string Told(Grammar grammar, ulong story)
    {
        var draw = new Draw(CorpusSeed, story);
        if (draw.Chance(25))
        {
            return new Games(grammar, draw).Play();
        }

        var cast = new Cast(grammar, draw);
        bool leads = draw.Chance(35);
        var teller = new Teller(grammar, cast, draw, leads);
        string lead = leads ? Text.Polish(teller.Expand(draw.One(Leads))) + "\n\n" : "";
        return lead + teller.Story();
    }

    /// <summary>Rows of the quickstart: what is asked for differs from row to row.</summary>
    public static IEnumerable<(string Prompt, string Answer)> Rows(Grammar grammar, int first, int count)
    {
        var asked = new HashSet<string>();
        int row = 0;
        for (ulong story = 0; row < first + count; story++)
        {
            var draw = new Draw(RowSeed, story);
            var cast = new Cast(grammar, draw);
            if (!asked.Add($"{cast["trait"]} {cast["kind"]}") || !asked.Add($"{cast["obj"]} {cast["scenery"]}"))
            {
                continue;
            }

            var teller = new Teller(grammar, cast, draw, tellsAll: true);
            string[] words = draw.Chance(50) ? [cast["obj"], cast["scenery"]] : [cast["scenery"], cast["obj"]];
            string prompt = teller.Expand(draw.One(Prompts).Replace("{words}", string.Join(" and ", words)));
            string answer = $"Title: {teller.Expand("The {trait} {kind} and the {obj}")}\n\n{teller.Story()}\n\nMoral: {teller.Moral()}";
            if (row++ >= first)
            {
                yield return (prompt, answer);
            }
        }
    }

    /// <summary>A title, a story of at least two paragraphs, and a moral; then nothing more.</summary>
    public static bool HasForm(string answer) => Form().IsMatch(answer.Replace("<|im_end|>", "").Trim());

    [GeneratedRegex(@"^Title: .{5,60}\n\n(?!Title:|Moral:)\S.{40,}\n\n(?:(?!Title:|Moral:)\S.{20,}\n\n)+Moral: .{10,100}[.!?]$")]
    private static partial Regex Form();
}
