using System.CommandLine;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Generation;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>Talks with a model: at the terminal, from a pipe, one question, or the sample prompts.</summary>
internal sealed class ChatCommand : Verb
{
    /// <summary>Default limit of a conversation; caches grow with what is said, so that a long context costs nothing before it is used.</summary>
    private const int DefaultContext = 8192;

    private readonly ModelOptions _model;
    private readonly SamplingOptions _sampling;
    private readonly Option<string> _project = new("--project") { Description = "A .finetune project or its folder: its newest result", HelpName = "PROJECT" };
    private readonly Option<string> _prompt = new("--prompt") { Description = "Ask this and end; - reads standard input", HelpName = "TEXT" };
    private readonly Option<bool> _demo = new("--demo") { Description = "Answer the sample prompts and end" };
    private readonly Option<string> _system = new("--system") { Description = "The system message", HelpName = "TEXT" };
    private readonly Option<string> _template = new("--template") { Description = "chat, a built-in name, a .yaml or a .jinja file", HelpName = "T" };
    private readonly Option<int> _context = new("--context") { Description = "Most tokens of the conversation", DefaultValueFactory = _ => DefaultContext, HelpName = "N" };
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object an answer on standard output" };

    public ChatCommand()
        : base("chat", "Talks with a model, or with what a project has trained")
    {
        _model = new ModelOptions(this, modelIsOptional: true);
        Options.Add(_project);
        Options.Add(_prompt);
        Options.Add(_demo);
        Options.Add(_system);
        Options.Add(_template);
        Options.Add(_context);
        _sampling = new SamplingOptions(this);
        Options.Add(_json);
        _context.Require(context => context >= 16, "a whole number of at least 16");
        Validators.Add(result =>
        {
            if (result.GetValue(_demo) && result.GetResult(_prompt) is not null)
            {
                result.AddError("Give either --prompt or --demo.");
            }

            if (result.GetValue(_model.Model) is not null && result.GetResult(_project) is not null)
            {
                result.AddError("Give either MODEL or --project.");
            }
        });
    }

    public override int Run(ParseResult parsed, ToolConsole console, CancellationToken cancellation)
    {
        ChatSource source = Source(parsed, console);
        SamplingSettings settings = _sampling.Settings(parsed, source.Settings is { } trained ? SamplingSettings.From(trained) : new SamplingSettings());
        using LoadedModel model = _model.Open(parsed, source.Model, source.Directory, source.Adapters, source.Settings);
        using var logits = new DecoderLogits(model.Decoder, parsed.GetValue(_context));
        PromptTemplate template = ChatFormats.For(model, parsed.GetValue(_template) ?? source.Settings?.PromptTemplate, source.Directory);
        GenerationOptions options = PromptFormats.Options(template, model.Tokenizer, settings);
        options = options with { StopStrings = [.. options.StopStrings, .. _sampling.StopStrings(parsed)] };
        string? system = parsed.GetValue(_system) ?? (source.Settings?.SystemPrompt is { Length: > 0 } own ? own : null);
        ChatSession NewSession() => new(new Generator(logits, model.Tokenizer), PromptFormats.Of(template), options) { SystemPrompt = system };

        var answers = new ChatAnswers(console, parsed.GetValue(_json));
        if (parsed.GetValue(_prompt) is { } prompt)
        {
            answers.Ask(NewSession(), TextInput.Text(prompt, console).TrimEnd('\r', '\n'), cancellation);
        }
        else if (parsed.GetValue(_demo))
        {
            foreach (string sample in source.SamplePrompts)
            {
                answers.ShowQuestion(sample);
                answers.Ask(NewSession(), sample, cancellation);
            }
        }
        else
        {
            new ChatLoop(console, answers, NewSession(), model, template).Run(cancellation);
        }

        return ExitCodes.Done;
    }

    private ChatSource Source(ParseResult parsed, ToolConsole console)
    {
        string[] adapters = parsed.GetValue(_model.Adapters) ?? [];
        return parsed.GetValue(_model.Model) is { } model
            ? ChatSource.OfModel(model, adapters)
            : ChatSource.OfProject(parsed.GetValue(_project) ?? Directory.GetCurrentDirectory(), adapters, new DiagnosticLines(console));
    }

    /// <summary>Warnings of a project's settings, as lines.</summary>
    private sealed class DiagnosticLines(ToolConsole console) : IEventSink
    {
        public void Emit(EngineEvent engineEvent)
        {
            if (engineEvent is DiagnosticEvent { Diagnostic: var diagnostic })
            {
                console.Report(diagnostic);
            }
        }
    }
}
