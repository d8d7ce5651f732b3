using FineTuneTool.Engine.Generation;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>Answers the sample prompts of a project, each as the first question of its own conversation.</summary>
public static class SamplePrompts
{
    /// <summary>Answers in the order of the prompts. Each prompt has random numbers of its own, so that adding one changes no other answer.</summary>
    public static IReadOnlyList<string> Answer(
        Generator generator, ChatFormat format, string? systemPrompt, GenerationOptions options, IReadOnlyList<string> prompts, CancellationToken cancellation = default) =>
        [.. prompts.Select((prompt, index) =>
            new ChatSession(generator, format, options with { Stream = (ulong)index }) { SystemPrompt = systemPrompt }.Ask(prompt, cancellation: cancellation).Text)];
}
