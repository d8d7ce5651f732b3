using FineTuneTool.Engine.Tokenizers.Models;

namespace FineTuneTool.Engine.Tokenizers.PostProcessors;

/// <summary>The last step of encoding: trims ranges, adds special tokens around the text.</summary>
internal abstract class PostProcessor
{
    /// <summary>Returns the finished tokens. <paramref name="tokens"/> gives a token's text, where ranges are trimmed.</summary>
    public abstract TokenSink Process(TokenSink sink, bool addSpecialTokens, Func<int, string?> tokens);
}

/// <summary>One post-processor after the other.</summary>
internal sealed class SequencePostProcessor(IReadOnlyList<PostProcessor> steps) : PostProcessor
{
    public override TokenSink Process(TokenSink sink, bool addSpecialTokens, Func<int, string?> tokens) =>
        steps.Aggregate(sink, (text, step) => step.Process(text, addSpecialTokens, tokens));
}

/// <summary>Puts special tokens before and after the text. They stand for the range (0, 0).</summary>
internal sealed class TemplatePostProcessor(int[] before, int[] after) : PostProcessor
{
    public override TokenSink Process(TokenSink sink, bool addSpecialTokens, Func<int, string?> tokens)
    {
        if (!addSpecialTokens || (before.Length == 0 && after.Length == 0))
        {
            return sink;
        }

        var framed = new TokenSink(sink.WithOffsets);
        framed.Ids.AddRange([.. before, .. sink.Ids, .. after]);
        if (sink.WithOffsets)
        {
            framed.Offsets.AddRange([.. new TextSpan[before.Length], .. sink.Offsets, .. new TextSpan[after.Length]]);
        }

        return framed;
    }
}
