namespace FineTuneTool.Engine.Tokenizers;

/// <summary>Finds the ids that end an answer: those that the model declares, and special tokens that published formats end a turn with.</summary>
internal static class EndOfGeneration
{
    private static readonly string[] TurnEnds =
    [
        "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|end_of_text|>", "<|endoftext|>", "<|eot|>", "<|return|>", "<|call|>",
        "<end_of_turn>", "<turn|>", "<EOT>", "<|END_OF_TURN_TOKEN|>", "<｜end▁of▁sentence｜>",
    ];

    public static IReadOnlyList<int> Ids(Tokenizer tokenizer, IReadOnlyList<int>? declared)
    {
        var ids = new SortedSet<int>((declared ?? []).Where(id => tokenizer.IdToToken(id) is not null));
        if (tokenizer.Special.EosToken is { } eos)
        {
            ids.Add(eos.Id);
        }

        ids.UnionWith(tokenizer.AddedTokens.Where(token => token.Special && TurnEnds.Contains(token.Content)).Select(token => token.Id));
        return [.. ids];
    }
}
