using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Evaluation;

namespace FineTuneTool.Engine.Stages;

/// <summary>Proves that exported files behave like base plus adapter.</summary>
internal static class Parity
{
    /// <exception cref="FineTuneException">FT0009 for the first file that does not.</exception>
    public static void Prove(StageContext context, LoadedModel reference, IEnumerable<string> files)
    {
        IReadOnlyList<string> prompts = [.. Measurement.Prompts(context.Request).Take(4), .. ParityCheck.DefaultPrompts];
        var check = new ParityCheck(reference.Decoder, reference.Tokenizer, prompts, context.Stop);
        foreach (string file in files)
        {
            using var candidate = new LoadedModel(file, [], context.Request.Threads);
            ParityResult result = check.Compare(file, candidate.Decoder, candidate.Tokenizer, ParityBounds.Coarsest(candidate.Files), context.Stop);
            context.Events.Milestone(result.Summary);
            if (!result.Passed)
            {
                throw new FineTuneException(result.ToDiagnostic());
            }
        }
    }
}
