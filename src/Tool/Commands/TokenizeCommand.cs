using System.CommandLine;
using System.Globalization;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>Text to token ids, pieces and ranges; ids to text.</summary>
internal sealed class TokenizeCommand : Verb
{
    private static readonly string[] RequestKeys = ["text", "ids", "decode", "no_special"];

    private readonly Argument<string> _model = new("model") { Description = "A .gguf file, a folder with a tokenizer, or a Hub id in the local cache" };
    private readonly Option<string> _text = new("--text") { Description = "The text; - reads standard input", HelpName = "TEXT" };
    private readonly Option<string> _file = new("--file") { Description = "A file with the text; - reads standard input", HelpName = "FILE" };
    private readonly Option<string> _decode = new("--decode") { Description = "Token ids to turn into text", HelpName = "1,2,3" };
    private readonly Option<string> _jsonl = new("--jsonl") { Description = "One request a line, one answer a line; the tokenizer is loaded once", HelpName = "FILE" };
    private readonly Option<bool> _noSpecial = new("--no-special") { Description = "Add no special tokens; with --decode, leave them out of the text" };
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object on standard output" };

    public TokenizeCommand()
        : base("tokenize", "Token ids, pieces and ranges of a text; or the text of ids")
    {
        Arguments.Add(_model);
        Options.Add(_text);
        Options.Add(_file);
        Options.Add(_decode);
        Options.Add(_jsonl);
        Options.Add(_noSpecial);
        Options.Add(_json);
        this.RequireOneOf(_text, _file, _decode, _jsonl);
    }

    public override int Run(ParseResult parsed, ToolConsole console, CancellationToken cancellation)
    {
        Tokenizer tokenizer = ModelTokenizer.Open(parsed.GetRequiredValue(_model));
        bool noSpecial = parsed.GetValue(_noSpecial);
        if (parsed.GetValue(_jsonl) is { } requests)
        {
            foreach (JsonRequest request in JsonRequest.Read(requests, console.In, RequestKeys))
            {
                cancellation.ThrowIfCancellationRequested();
                Answer(request, tokenizer, noSpecial, console);
            }

            return ExitCodes.Done;
        }

        bool json = parsed.GetValue(_json);
        if (parsed.GetValue(_decode) is { } list)
        {
            WriteText(tokenizer.Decode(TextInput.Ids(list), noSpecial), json, console);
            return ExitCodes.Done;
        }

        string text = parsed.GetValue(_text) is { } given ? TextInput.Text(given, console) : TextInput.File(parsed.GetValue(_file)!, console);
        TokenizedText tokens = tokenizer.Encode(text, addSpecialTokens: !noSpecial);
        if (json)
        {
            WriteJson(tokens, tokenizer, console);
        }
        else
        {
            WriteTable(tokens, tokenizer, console);
        }

        return ExitCodes.Done;
    }

    private static void Answer(JsonRequest request, Tokenizer tokenizer, bool noSpecial, ToolConsole console)
    {
        noSpecial = request.Has("no_special") ? request.Flag("no_special") : noSpecial;
        if (request.Text("text") is { } text)
        {
            WriteJson(tokenizer.Encode(text, addSpecialTokens: !noSpecial), tokenizer, console);
            return;
        }

        int[] ids = request.Ids("decode") ?? request.Ids("ids") ?? throw request.Wrong("A request needs text, or decode with a list of ids.");
        WriteText(tokenizer.Decode(ids, noSpecial), json: true, console);
    }

    private static void WriteText(string text, bool json, ToolConsole console)
    {
        if (json)
        {
            console.WriteJson(new { text });
        }
        else
        {
            console.Out.WriteLine(text);
        }
    }

    private static void WriteJson(TokenizedText tokens, Tokenizer tokenizer, ToolConsole console) => console.WriteJson(new
    {
        tokens.Ids,
        Tokens = tokens.Ids.Select(tokenizer.IdToToken),
        Offsets = tokens.Offsets.Select(offset => new[] { offset.Start, offset.End }),
    });

    private static void WriteTable(TokenizedText tokens, Tokenizer tokenizer, ToolConsole console)
    {
        for (int i = 0; i < tokens.Ids.Length; i++)
        {
            string range = $"{tokens.Offsets[i].Start}-{tokens.Offsets[i].End}";
            console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{tokens.Ids[i],7}  {range,-11}  {tokenizer.IdToToken(tokens.Ids[i])}"));
        }

        console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{tokens.Ids.Length} tokens"));
    }
}
