namespace FineTuneTool.Engine.Evaluation;

/// <summary>What the reference says to one prompt.</summary>
/// <param name="Prompt">The text, encoded with special tokens as far as the tokenizer adds them.</param>
/// <param name="Ids">Ids of the prompt and of the greedy continuation.</param>
/// <param name="PromptTokens">How many of the ids are the prompt.</param>
/// <param name="Rows">Positions whose scores are compared: the last of the prompt and the continuation.</param>
/// <param name="Scores">(rows, V) scores of the reference.</param>
/// <param name="BaseScores">(rows, V) scores without the adapter; null where there is none.</param>
internal sealed record ParitySample(string Prompt, int[] Ids, int PromptTokens, int[] Rows, float[] Scores, float[]? BaseScores);
