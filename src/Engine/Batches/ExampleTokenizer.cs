using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Batches;

/// <summary>
/// Rows to ids and labels, by the rules of TRL's SFTTrainer: an end token follows text and completions that lack one, never conversations;
/// of a prompt with its completion the longest common prefix of tokens(prompt) and tokens(prompt + completion) is not learnt; of a conversation
/// only what the assistant says is, or other roles where the settings say so. Immutable; may be used from several threads.
/// </summary>
public sealed class ExampleTokenizer(Tokenizer tokenizer, PromptTemplate template, PreprocessSettings settings)
{
    /// <summary>Renders, encodes, masks and cuts a row.</summary>
    /// <exception cref="FineTuneException">FT0105: too long with strategy error. FT0109: ids outside the vocabulary. FT0252, FT0253: the template.</exception>
    public TokenizedRow Tokenize(Example example)
    {
        bool crosses = false;
        TokenizedExample whole = example is TokensExample tokens ? Checked(tokens) : Encode(template.Render(example, settings.Supervision), out crosses);
        return Fit(Weighted(whole, example.Weight), example) with { CrossesBoundary = crosses };
    }

    /// <summary>Ids and labels of a rendered row, as long as they come.</summary>
    public TokenizedExample Encode(RenderedText text) => Encode(text, out _);

    private TokenizedExample Encode(RenderedText text, out bool crosses)
    {
        crosses = false;
        TokenizedText encoded = text.WritesSpecialTokens
            ? OneBos(tokenizer.Encode(text.Text, addSpecialTokens: false))
            : OneEos(OneBos(tokenizer.Encode(WithEos(text.Text), addSpecialTokens: true)));
        int[] labels = [.. encoded.Ids];
        if (settings.TrainOnInputs)
        {
            return new TokenizedExample(encoded.Ids, labels);
        }

        if (text.WritesSpecialTokens && text.Prompt is null)
        {
            float[] weights = TokenSpans.Weigh(encoded.Offsets, text.Supervised, text.Weights, out crosses);
            Mask(labels, i => weights[i] == 0);
            return new TokenizedExample(encoded.Ids, labels) { Weights = text.Weights is null ? null : weights };
        }

        if (text.Prompt is not null)
        {
            int[] prompt = OneBos(tokenizer.Encode(text.Prompt, addSpecialTokens: !text.WritesSpecialTokens)).Ids;
            int common = prompt.AsSpan().CommonPrefixLength(encoded.Ids);
            bool endsByItself = !text.WritesSpecialTokens && tokenizer.Special.AddEosToken;
            crosses = common < prompt.Length - (endsByItself ? 1 : 0);
            Mask(labels, i => i < common);
        }

        return new TokenizedExample(encoded.Ids, labels);
    }

    private static void Mask(int[] labels, Func<int, bool> isIgnored)
    {
        for (int i = 0; i < labels.Length; i++)
        {
            labels[i] = isIgnored(i) ? TokenizedExample.Ignored : labels[i];
        }
    }

    private static TokenizedExample Weighted(TokenizedExample example, float weight) => weight == 1 ? example
        : example with { Weights = [.. (example.Weights ?? [.. example.Labels.Select(label => label == TokenizedExample.Ignored ? 0f : 1f)]).Select(own => own * weight)] };

    private string WithEos(string text) =>
        tokenizer.Special.EosToken is { } eos && !text.EndsWith(eos.Text, StringComparison.Ordinal) ? text + eos.Text : text;

    /// <summary>Where the text begins with the token that the tokenizer puts in front, one of the two goes.</summary>
    private TokenizedText OneBos(TokenizedText text) =>
        tokenizer.Special.BosToken is { } bos && text.Ids.Length > 1 && text.Ids[0] == bos.Id && text.Ids[1] == bos.Id
            ? new TokenizedText(text.Ids[1..], text.Offsets[1..]) : text;

    /// <summary>Likewise at the end, for tokenizers that add an end token by themselves.</summary>
    private TokenizedText OneEos(TokenizedText text) =>
        tokenizer.Special is { AddEosToken: true, EosToken: { } eos } && text.Ids.Length > 1 && text.Ids[^1] == eos.Id && text.Ids[^2] == eos.Id
            ? new TokenizedText(text.Ids[..^1], text.Offsets[..^1]) : text;

    private TokenizedExample Checked(TokensExample tokens)
    {
        int largest = tokens.Ids.Max();
        return largest < tokenizer.VocabularySize ? new TokenizedExample(tokens.Ids, tokens.Labels) : throw new FineTuneException(
            Codes.IdOutsideVocabulary, $"The token id {largest} is outside the vocabulary of {tokenizer.VocabularySize} tokens.",
            "Tokenise the row with the base model's own tokenizer.", tokens.Position);
    }

    private TokenizedRow Fit(TokenizedExample whole, Example example)
    {
        int length = whole.Ids.Length, most = settings.MaxSeqLength;
        if (length <= most)
        {
            return WithoutEmpty(RowOutcome.Kept, [whole], example.Position);
        }

        return settings.ExcessLengthStrategy switch
        {
            ExcessLengthStrategy.Drop => new TokenizedRow(RowOutcome.TooLong, [], example.Position),
            ExcessLengthStrategy.Error => throw new FineTuneException(Codes.RowTooLong, $"The row has {length} tokens; MaxSeqLength is {most}.",
                "Raise MaxSeqLength, shorten the row, or set ExcessLengthStrategy to truncate, drop or split.", example.Position),
            ExcessLengthStrategy.Truncate when example is not TextExample { IsDocument: true } => Truncated(whole, most, example.Position),
            _ => WithoutEmpty(RowOutcome.Split, [.. Pieces(whole, most)], example.Position),
        };
    }

    private static TokenizedRow Truncated(TokenizedExample whole, int most, SourcePosition position)
    {
        TokenizedExample kept = Part(whole, 0, most, learntFrom: 0);
        return WithoutEmpty(RowOutcome.Truncated, [kept], position) with { LostAnswer = kept.SupervisedTokens < whole.SupervisedTokens };
    }

    /// <summary>Pieces that repeat the end of the piece before as something to go on from, not to learn again.</summary>
    private IEnumerable<TokenizedExample> Pieces(TokenizedExample whole, int most)
    {
        int overlap = Math.Min(settings.ChunkOverlap, most - 1);
        for (int from = 0, end = 0; end < whole.Ids.Length; from += most - overlap)
        {
            int learntFrom = end;
            end = Math.Min(whole.Ids.Length, from + most);
            yield return Part(whole, from, end, learntFrom);
        }
    }

    private static TokenizedExample Part(TokenizedExample whole, int from, int to, int learntFrom)
    {
        int[] labels = whole.Labels[from..to];
        Array.Fill(labels, TokenizedExample.Ignored, 0, Math.Max(0, learntFrom - from));
        return new TokenizedExample(whole.Ids[from..to], labels) { Weights = whole.Weights?[from..to] };
    }

    private static TokenizedRow WithoutEmpty(RowOutcome outcome, TokenizedExample[] examples, SourcePosition position)
    {
        TokenizedExample[] learnt = [.. examples.Where(example => example.Ids.Length > 0 && example.SupervisedTokens > 0)];
        return new TokenizedRow(learnt.Length == 0 ? RowOutcome.NothingSupervised : outcome, learnt, position);
    }
}
