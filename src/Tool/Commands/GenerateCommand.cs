using System.CommandLine;
using FineTuneTool.Engine.Generation;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>Continues a text or token ids, without a chat around it.</summary>
internal sealed class GenerateCommand : Verb
{
    private static readonly string[] RequestKeys =
    [
        "prompt", "text", "ids", "messages", "tools", "raw", "ignore_eos", "stop", "max_new_tokens", "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed",
    ];

    private readonly ModelOptions _model;
    private readonly SamplingOptions _sampling;
    private readonly Option<string> _prompt = new("--prompt") { Description = "The text to continue; - reads standard input", HelpName = "TEXT" };
    private readonly Option<string> _ids = new("--ids") { Description = "The token ids to continue", HelpName = "1,2,3" };
    private readonly Option<string> _file = new("--file") { Description = "A file with the text to continue; - reads standard input", HelpName = "FILE" };
    private readonly Option<bool> _raw = new("--raw") { Description = "Take the text as it is: the tokenizer adds no special tokens around it" };
    private readonly Option<bool> _ignoreEos = new("--ignore-eos") { Description = "Go on after the model's end token" };
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object on standard output" };
    private readonly Option<string> _jsonl = new("--jsonl") { Description = "One request a line, one answer a line; the model is loaded once", HelpName = "FILE" };

    public GenerateCommand()
        : base("generate", "Continues a text or token ids")
    {
        _model = new ModelOptions(this);
        Options.Add(_prompt);
        Options.Add(_ids);
        Options.Add(_file);
        Options.Add(_raw);
        Options.Add(_ignoreEos);
        _sampling = new SamplingOptions(this);
        Options.Add(_json);
        Options.Add(_jsonl);
        this.RequireOneOf(_prompt, _ids, _file, _jsonl);
    }

    public override int Run(ParseResult parsed, ToolConsole console, CancellationToken cancellation)
    {
        SamplingSettings settings = _sampling.Settings(parsed, new SamplingSettings());
        using LoadedModel model = _model.Open(parsed);
        using var source = new DecoderLogits(model.Decoder);
        var generator = new Generator(source, model.Tokenizer);
        GenerationOptions options = OptionsOf(settings, _sampling.StopStrings(parsed), parsed.GetValue(_ignoreEos), model);
        if (parsed.GetValue(_jsonl) is { } file)
        {
            foreach (JsonRequest request in JsonRequest.Read(file, console.In, RequestKeys))
            {
                Write(console, Answer(request, generator, model, options, parsed, cancellation));
            }

            return ExitCodes.Done;
        }

        int[] ids = Ids(parsed, console, model);
        bool json = parsed.GetValue(_json);
        GenerationResult result = generator.Generate(ids, options, json ? null : console.Out.Write, cancellation);
        if (json)
        {
            Write(console, result);
        }
        else
        {
            console.Out.WriteLine();
        }

        return ExitCodes.Done;
    }

    private static void Write(ToolConsole console, GenerationResult result) => console.WriteJson(new { result.Ids, result.Text, result.StopReason });

    private static GenerationOptions OptionsOf(SamplingSettings settings, IReadOnlyList<string> stop, bool ignoreEos, LoadedModel model) => new(settings)
    {
        StopIds = ignoreEos ? new HashSet<int>() : model.Tokenizer.EndOfGenerationIds.ToHashSet(),
        StopStrings = stop,
        SkipSpecialTokens = false,
    };

    private int[] Ids(ParseResult parsed, ToolConsole console, LoadedModel model)
    {
        if (parsed.GetValue(_ids) is { } list)
        {
            return TextInput.Ids(list);
        }

        string text = parsed.GetValue(_prompt) is { } prompt ? TextInput.Text(prompt, console) : TextInput.File(parsed.GetValue(_file)!, console);
        return model.Tokenizer.EncodeIds(text, addSpecialTokens: !parsed.GetValue(_raw));
    }

    private GenerationResult Answer(
        JsonRequest request, Generator generator, LoadedModel model, GenerationOptions defaults, ParseResult parsed, CancellationToken cancellation)
    {
        bool ignoreEos = request.Has("ignore_eos") ? request.Flag("ignore_eos") : parsed.GetValue(_ignoreEos);
        bool raw = request.Has("raw") ? request.Flag("raw") : parsed.GetValue(_raw);
        GenerationOptions options = OptionsOf(SamplingOptions.Settings(request, defaults.Sampling), request.Texts("stop") ?? defaults.StopStrings, ignoreEos, model);
        int[] ids = request.Ids("ids")
            ?? ChatFormats.Ids(request, model, addGenerationPrompt: true)
            ?? model.Tokenizer.EncodeIds(
                request.Text("prompt") ?? request.Text("text") ?? throw request.Wrong("A request needs prompt, ids or messages."), addSpecialTokens: !raw);
        return generator.Generate(ids, options, cancellation: cancellation);
    }
}
