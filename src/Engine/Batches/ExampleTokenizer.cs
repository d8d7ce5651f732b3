using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Batches;

/// <summary>What became of a row.</summary>
public enum RowOutcome
{
    Kept,
    Truncated,
    Split,
    TooLong,
    NothingSupervised,
}

/// <summary>The examples that a row became: none where it was dropped, several where it was split.</summary>
public sealed record TokenizedRow(RowOutcome Outcome, IReadOnlyList<TokenizedExample> Examples, SourcePosition Position);

/// <summary>
/// Rows to ids and labels, by the rules of TRL's SFTTrainer: an end token follows text and completions that lack one, never conversations;
/// of a prompt with its completion the longest common prefix of tokens(prompt) and tokens(prompt + completion) is not learnt; of a conversation
/// only what the assistant says is. Immutable; may be used from several threads.
/// </summary>
public sealed class ExampleTokenizer(Tokenizer tokenizer, PromptTemplate template, PreprocessSettings settings)
{
    /// <summary>Renders, encodes, masks and cuts a row.</summary>
    /// <exception cref="FineTuneException">FT0105: too long with strategy error. FT0109: ids outside the vocabulary. FT0252, FT0253: the template.</exception>
    public TokenizedRow Tokenize(Example example)
    {
        TokenizedExample whole = example is TokensExample tokens ? Checked(tokens) : Encode(template.Render(example));
        return Fit(whole, example.Position);
    }

    /// <summary>Ids and labels of a rendered row, as long as they come.</summary>
    public TokenizedExample Encode(RenderedText text)
    {
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
            bool[] marked = TokenSpans.Mark(encoded.Offsets, text.Supervised);
            Mask(labels, i => !marked[i]);
        }
        else if (text.Prompt is not null)
        {
            TokenizedText prompt = OneBos(tokenizer.Encode(text.Prompt, addSpecialTokens: !text.WritesSpecialTokens));
            int common = prompt.Ids.AsSpan().CommonPrefixLength(encoded.Ids);
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

    private TokenizedRow Fit(TokenizedExample whole, SourcePosition position)
    {
        int length = whole.Ids.Length, most = settings.MaxSeqLength;
        if (length <= most)
        {
            return WithoutEmpty(RowOutcome.Kept, [whole], position);
        }

        return settings.ExcessLengthStrategy switch
        {
            ExcessLengthStrategy.Drop => new TokenizedRow(RowOutcome.TooLong, [], position),
            ExcessLengthStrategy.Split => WithoutEmpty(RowOutcome.Split,
                [.. Enumerable.Range(0, (length + most - 1) / most).Select(i => Part(whole, i * most, Math.Min(length, (i + 1) * most)))], position),
            ExcessLengthStrategy.Error => throw new FineTuneException(Codes.RowTooLong, $"The row has {length} tokens; MaxSeqLength is {most}.",
                "Raise MaxSeqLength, shorten the row, or set ExcessLengthStrategy to truncate, drop or split.", position),
            _ => WithoutEmpty(RowOutcome.Truncated, [Part(whole, 0, most)], position),
        };
    }

    private static TokenizedExample Part(TokenizedExample whole, int from, int to) => new(whole.Ids[from..to], whole.Labels[from..to]);

    private static TokenizedRow WithoutEmpty(RowOutcome outcome, TokenizedExample[] examples, SourcePosition position)
    {
        TokenizedExample[] learnt = [.. examples.Where(example => example.Ids.Length > 0 && example.SupervisedTokens > 0)];
        return new TokenizedRow(learnt.Length == 0 ? RowOutcome.NothingSupervised : outcome, learnt, position);
    }
}
