namespace FineTuneTool.Tool.Commands;

/// <summary>The verbs of the command, in the order in which help shows them. A new verb is one class and one line here.</summary>
internal static class CommandList
{
    public static IReadOnlyList<Verb> All =>
    [
        new ChatCommand(),
        new GenerateCommand(),
        new ScoreCommand(),
        new TokenizeCommand(),
        new RenderCommand(),
        new PreviewCommand(),
        new TrainTokenizerCommand(),
        new InspectCommand(),
        new VerifyCommand(),
        new DoctorCommand(),
        new EstimateCommand(),
        new BenchCommand(),
        new StageCommand(),
    ];
}
