using FineTuneTool.Engine.Tokenizers.PreTokenizers;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>A pre-tokenizer, and whether the model takes its pieces as bytes.</summary>
internal readonly record struct PreTokenizerReading(PreTokenizer? PreTokenizer, bool EndsInBytes);

/// <summary>The "pre_tokenizer" of tokenizer.json.</summary>
internal static class PreTokenizerJson
{
    /// <summary>Reads it. With <paramref name="spellAll"/> bytes are written as letters even where the model could take them as they are.</summary>
    public static PreTokenizerReading Read(JsonPart part, bool spellAll = false)
    {
        if (part.IsNull)
        {
            return new PreTokenizerReading(null, false);
        }

        List<JsonPart> steps = [.. Steps(part)];
        bool endsInBytes = steps.Count > 0 && steps[^1]["type"].Text() == "ByteLevel";
        var built = steps.Select((step, i) => Build(step, spell: spellAll || i < steps.Count - 1)).ToList();
        return new PreTokenizerReading(built is [var only] ? only : new SequencePreTokenizer(built), endsInBytes);
    }

    private static IEnumerable<JsonPart> Steps(JsonPart part) =>
        part["type"].Text() == "Sequence" ? part["pretokenizers"].Items().SelectMany(Steps) : [part];

    private static PreTokenizer Build(JsonPart part, bool spell)
    {
        switch (part["type"].Text())
        {
            case "ByteLevel":
                return new ByteLevelPreTokenizer(part["add_prefix_space"].FlagOr(true), part["use_regex"].FlagOr(true), spell);
            case "Digits":
                return Splitting(PointClass.Number, part["individual_digits"].FlagOr(false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous);
            case "Split":
                return new SplitPreTokenizer(SplitPatternJson.Read(part["pattern"]), Behavior(part["behavior"]), part["invert"].FlagOr(false));
            case "Punctuation":
                SplitBehavior behavior = part["behavior"].IsNull ? SplitBehavior.Isolated : Behavior(part["behavior"]);
                return new SplitPreTokenizer(new PunctuationPattern(), behavior, invert: false);
            case "BertPreTokenizer":
                return new SequencePreTokenizer([
                    Splitting(PointClass.WhiteSpace, SplitBehavior.Removed),
                    new SplitPreTokenizer(new PunctuationPattern(), SplitBehavior.Isolated, invert: false),
                ]);
            case "UnicodeScripts":
                return new SplitPreTokenizer(new ScriptRunPattern(), SplitBehavior.Removed, invert: true);
            case "Whitespace":
                return new SplitPreTokenizer(new WhitespaceWordPattern(), SplitBehavior.Removed, invert: true);
            case "WhitespaceSplit":
                return Splitting(PointClass.WhiteSpace, SplitBehavior.Removed);
            case "CharDelimiterSplit":
                return new SplitPreTokenizer(new LiteralPattern([part["delimiter"].Point()]), SplitBehavior.Removed, invert: false);
            case "Metaspace":
                return new MetaspacePreTokenizer(part["replacement"].Point(), Scheme(part), part["split"].FlagOr(true));
            case var other:
                throw part.Unsupported($"the pre-tokenizer '{other}'");
        }
    }

    /// <summary>The scheme of a Metaspace part; older files say <c>add_prefix_space</c> instead.</summary>
    public static PrependScheme Scheme(JsonPart part) => part["prepend_scheme"].TextOrNull() switch
    {
        null => part["add_prefix_space"].FlagOr(true) ? PrependScheme.Always : PrependScheme.Never,
        "always" => PrependScheme.Always,
        "first" => PrependScheme.First,
        "never" => PrependScheme.Never,
        _ => throw part["prepend_scheme"].Malformed("should be always, first or never"),
    };

    private static SplitPreTokenizer Splitting(PointClass kind, SplitBehavior behavior) =>
        new(new PointPattern(point => PointClasses.Is(point, kind)), behavior, invert: false);

    private static SplitBehavior Behavior(JsonPart part) => part.Text() switch
    {
        "Removed" => SplitBehavior.Removed,
        "Isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        string other => throw part.Malformed($"is '{other}', which is no behavior"),
    };
}
