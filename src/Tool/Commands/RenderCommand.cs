using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>The text that a template makes of a conversation, its ids, and what of it is learnt.</summary>
internal sealed class RenderCommand : Verb
{
    private static readonly string[] RequestKeys = ["messages", "tools", "template", "generation_prompt", "add_generation_prompt", "continue_final_message", "set"];

    private readonly Argument<string> _model = new("model") { Description = "A .gguf file, a folder with a tokenizer, or a Hub id in the local cache" };
    private readonly Option<string> _messages = new("--messages") { Description = "JSON: a list of messages, or an object with messages and tools; - reads standard input", HelpName = "FILE" };
    private readonly Option<string> _tools = new("--tools") { Description = "JSON: a list of tools", HelpName = "FILE" };
    private readonly Option<string> _template = new("--template") { Description = "chat, a built-in name, a .yaml or a .jinja file", DefaultValueFactory = _ => "", HelpName = "T" };
    private readonly Option<bool> _generationPrompt = new("--generation-prompt") { Description = "End with the beginning of an answer" };
    private readonly Option<bool> _continue = new("--continue-final-message") { Description = "End inside the last message" };
    private readonly Option<string[]> _set = new("--set") { Description = "A variable of the template; the value is JSON, or else text", HelpName = "NAME=VALUE" };
    private readonly Option<string> _jsonl = new("--jsonl") { Description = "One request a line, one answer a line; the tokenizer is loaded once", HelpName = "FILE" };
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object on standard output" };

    public RenderCommand()
        : base("render", "The text that a chat template makes of messages")
    {
        Arguments.Add(_model);
        Options.Add(_messages);
        Options.Add(_tools);
        Options.Add(_template);
        Options.Add(_generationPrompt);
        Options.Add(_continue);
        Options.Add(_set);
        Options.Add(_jsonl);
        Options.Add(_json);
        this.RequireOneOf(_messages, _jsonl);
        _set.Validators.Add(result =>
        {
            if (result.Tokens.FirstOrDefault(token => token.Value.IndexOf('=') <= 0) is { } wrong)
            {
                result.AddError($"--set takes NAME=VALUE, not '{wrong.Value}'.");
            }
        });
    }

    public override int Run(ParseResult parsed, ToolConsole console, CancellationToken cancellation)
    {
        Tokenizer tokenizer = ModelTokenizer.Open(parsed.GetRequiredValue(_model));
        if (parsed.GetValue(_jsonl) is { } requests)
        {
            foreach (JsonRequest request in JsonRequest.Read(requests, console.In, RequestKeys))
            {
                cancellation.ThrowIfCancellationRequested();
                WriteJson(Read(request, parsed).Render(tokenizer, console.Report), tokenizer, console);
            }

            return ExitCodes.Done;
        }

        RenderedText rendered = Read(parsed, console).Render(tokenizer, console.Report);
        if (parsed.GetValue(_json))
        {
            WriteJson(rendered, tokenizer, console);
        }
        else
        {
            console.Out.WriteLine(rendered.Text);
        }

        return ExitCodes.Done;
    }

    private static void WriteJson(RenderedText rendered, Tokenizer tokenizer, ToolConsole console) => console.WriteJson(new
    {
        rendered.Text,
        Ids = tokenizer.EncodeIds(rendered.Text, addSpecialTokens: !rendered.WritesSpecialTokens),
        Supervised = rendered.Supervised.Select(span => new[] { span.Start, span.End }),
    });

    private RenderRequest Read(ParseResult parsed, ToolConsole console)
    {
        string file = parsed.GetValue(_messages)!;
        JsonNode? content = JsonContent(file, console);
        JsonArray messages = (content as JsonArray ?? content?["messages"] as JsonArray) ?? throw Malformed(file, "The file holds neither a list of messages nor an object with messages.");
        JsonArray? tools = parsed.GetValue(_tools) is { } own
            ? JsonContent(own, console) as JsonArray ?? throw Malformed(own, "The file holds no list of tools.")
            : content is JsonObject row ? row["tools"] as JsonArray : null;
        return new RenderRequest(messages, tools, parsed.GetValue(_template)!, Variables(parsed), parsed.GetValue(_generationPrompt), parsed.GetValue(_continue));
    }

    private RenderRequest Read(JsonRequest request, ParseResult parsed)
    {
        JsonObject variables = Variables(parsed);
        foreach ((string name, JsonNode? value) in request.Object("set") ?? [])
        {
            variables[name] = value?.DeepClone();
        }

        return new RenderRequest(
            JsonArray.Create(request.List("messages") ?? throw request.Wrong("A request needs messages."))!,
            request.List("tools") is { } tools ? JsonArray.Create(tools) : null,
            request.Text("template") ?? parsed.GetValue(_template)!,
            variables,
            request.Flag("generation_prompt") || request.Flag("add_generation_prompt") || parsed.GetValue(_generationPrompt),
            request.Flag("continue_final_message") || parsed.GetValue(_continue));
    }

    private JsonObject Variables(ParseResult parsed)
    {
        var variables = new JsonObject();
        foreach (string setting in parsed.GetValue(_set) ?? [])
        {
            string[] sides = setting.Split('=', 2);
            variables[sides[0]] = Value(sides[1]);
        }

        return variables;
    }

    private static JsonNode? Value(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }

    private static JsonNode? JsonContent(string file, ToolConsole console)
    {
        try
        {
            return JsonNode.Parse(TextInput.File(file, console));
        }
        catch (JsonException exception)
        {
            throw Malformed(file, "The file is not valid JSON.", exception);
        }
    }

    private static FineTuneException Malformed(string file, string message, JsonException? exception = null) => new(
        Codes.MalformedJson,
        message,
        "Write a list of objects with role and content.",
        new SourcePosition(file, (int)(exception?.LineNumber + 1 ?? 0), (int)(exception?.BytePositionInLine + 1 ?? 0)),
        exception);
}
