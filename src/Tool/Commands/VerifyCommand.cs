using System.CommandLine;
using FineTuneTool.Engine.Evaluation;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>Shows that merged models and GGUF files behave like base plus adapter.</summary>
internal sealed class VerifyCommand : Verb
{
    private readonly ModelOptions _model;
    private readonly Argument<string> _adapter = new("adapter") { Description = "A PEFT adapter folder, or a .finetune project for its newest adapter" };
    private readonly Argument<string[]> _files = new("files") { Description = "Merged folders and .gguf files", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string[]> _prompts = new("--prompt") { Description = "A prompt to compare on; may be given several times", HelpName = "TEXT" };
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object a file on standard output" };

    public VerifyCommand()
        : base("verify", "Shows that merged models and GGUF files behave like base plus adapter")
    {
        _model = new ModelOptions(this, hasAdapterOption: false);
        Arguments.Add(_adapter);
        Arguments.Add(_files);
        Options.Add(_prompts);
        Options.Add(_json);
    }

    public override int Run(ParseResult parsed, ToolConsole console, CancellationToken cancellation)
    {
        IReadOnlyList<string> prompts = parsed.GetValue(_prompts) is { Length: > 0 } given ? given : ParityCheck.DefaultPrompts;
        ParityCheck check;
        using (LoadedModel reference = _model.Open(parsed, parsed.GetRequiredValue(_model.Model)!, [parsed.GetRequiredValue(_adapter)]))
        {
            check = new ParityCheck(reference.Decoder, reference.Tokenizer, prompts, cancellation);
        }

        bool allPassed = true;
        foreach (string file in parsed.GetRequiredValue(_files))
        {
            using LoadedModel candidate = _model.OpenAsStored(parsed, file);
            ParityResult result = check.Compare(file, candidate.Decoder, candidate.Tokenizer, ParityBounds.Coarsest(candidate.Files), cancellation);
            allPassed &= result.Passed;
            Write(console, result, parsed.GetValue(_json));
        }

        return allPassed ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static void Write(ToolConsole console, ParityResult result, bool json)
    {
        if (json)
        {
            console.WriteJson(new
            {
                result.File,
                Type = result.Type.ToString(),
                result.Passed,
                RelativeError = Finite(result.RelativeError),
                result.Bound,
                MaxError = Finite(result.MaxError),
                Divergence = Finite(result.Divergence),
                result.SameTop,
                result.GreedyEqual,
                result.GreedyTotal,
                result.AdapterShare,
                result.Failure,
            });
        }
        else
        {
            console.Out.WriteLine($"{(result.Passed ? "ok    " : "failed")} {result.Summary}");
        }

        if (!result.Passed)
        {
            console.Report(result.ToDiagnostic());
        }
    }

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;
}
