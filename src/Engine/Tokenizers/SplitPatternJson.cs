using FineTuneTool.Engine.Tokenizers.PreTokenizers;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>A pattern of tokenizer.json: <c>{"String": …}</c> or <c>{"Regex": …}</c>. Well-known expressions have scanners
/// of their own.</summary>
internal static class SplitPatternJson
{
    public static SplitPattern Read(JsonPart part)
    {
        if (part.IsString)
        {
            return new LiteralPattern(CodePoints.FromString(part.Text()));
        }

        if (!part["String"].IsNull)
        {
            return new LiteralPattern(CodePoints.FromString(part["String"].Text()));
        }

        return part["Regex"].Text() switch
        {
            Gpt2Pattern.Regex => new Gpt2Pattern(),
            Llama3Pattern.Llama3Regex => new Llama3Pattern(digits: 3),
            Llama3Pattern.Qwen2Regex => new Llama3Pattern(digits: 1),
            CaseAwarePattern.TekkenRegex => new CaseAwarePattern(digits: 1, contractions: false),
            CaseAwarePattern.O200kRegex => new CaseAwarePattern(digits: 3, contractions: true),
            string other => Expression(part["Regex"], other),
        };
    }

    private static RegexPattern Expression(JsonPart part, string pattern)
    {
        try
        {
            return new RegexPattern(pattern);
        }
        catch (FormatException problem)
        {
            throw part.Unsupported($"the pattern '{pattern}' ({problem.Message})");
        }
    }
}
