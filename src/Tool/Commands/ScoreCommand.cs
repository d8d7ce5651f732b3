using System.CommandLine;
using System.Globalization;
using FineTuneTool.Engine.Evaluation;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>How likely the model finds each token of a text.</summary>
internal sealed class ScoreCommand : Verb
{
    private static readonly string[] RequestKeys = ["text", "ids", "messages", "tools", "top"];

    private readonly ModelOptions _model;
    private readonly Option<string> _text = new("--text") { Description = "The text to score; - reads standard input", HelpName = "TEXT" };
    private readonly Option<string> _ids = new("--ids") { Description = "The token ids to score", HelpName = "1,2,3" };
    private readonly Option<string> _file = new("--file") { Description = "A file with the text to score; - reads standard input", HelpName = "FILE" };
    private readonly Option<int> _top = new("--top") { Description = "List the likeliest tokens at each position", HelpName = "N" };
    private readonly Option<string> _logits = new("--logits") { Description = "Write the scores of all tokens at all positions", HelpName = "OUT.safetensors" };
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object on standard output" };
    private readonly Option<string> _jsonl = new("--jsonl") { Description = "One request a line, one answer a line; the model is loaded once", HelpName = "FILE" };

    public ScoreCommand()
        : base("score", "Negative log-likelihood of each token of a text")
    {
        _model = new ModelOptions(this);
        Options.Add(_text);
        Options.Add(_ids);
        Options.Add(_file);
        Options.Add(_top);
        Options.Add(_logits);
        Options.Add(_json);
        Options.Add(_jsonl);
        this.RequireOneOf(_text, _ids, _file, _jsonl);
    }

    public override int Run(ParseResult parsed, ToolConsole console, CancellationToken cancellation)
    {
        using LoadedModel model = _model.Open(parsed);
        if (parsed.GetValue(_jsonl) is { } file)
        {
            foreach (JsonRequest request in JsonRequest.Read(file, console.In, RequestKeys))
            {
                int[] requested = request.Ids("ids")
                    ?? ChatFormats.Ids(request, model, addGenerationPrompt: false)
                    ?? model.Tokenizer.EncodeIds(request.Text("text") ?? throw request.Wrong("A request needs text, ids or messages."));
                WriteJson(console, model, SequenceScore.Measure(model.Decoder, requested, request.Integer("top") ?? parsed.GetValue(_top), cancellation));
            }

            return ExitCodes.Done;
        }

        int[] ids = parsed.GetValue(_ids) is { } list ? TextInput.Ids(list) : model.Tokenizer.EncodeIds(
            parsed.GetValue(_text) is { } text ? TextInput.Text(text, console) : TextInput.File(parsed.GetValue(_file)!, console));
        SequenceScore score = SequenceScore.Measure(model.Decoder, ids, parsed.GetValue(_top), cancellation);
        if (parsed.GetValue(_logits) is { } logits)
        {
            SequenceScore.WriteLogits(logits, model.Decoder, ids, cancellation);
        }

        if (parsed.GetValue(_json))
        {
            WriteJson(console, model, score);
        }
        else
        {
            WriteText(console, model, score);
        }

        return ExitCodes.Done;
    }

    private static void WriteJson(ToolConsole console, LoadedModel model, SequenceScore score)
    {
        double? mean = score.Nll.Count == 0 ? null : score.Mean, perplexity = score.Nll.Count == 0 ? null : score.Perplexity;
        if (score.Top.Count == 0)
        {
            console.WriteJson(new { score.Ids, score.Nll, mean, perplexity });
            return;
        }

        var top = score.Top.Select(position => position.Select(chance => new { chance.Id, Token = model.Tokenizer.Decode([chance.Id], skipSpecialTokens: false), Logprob = chance.LogProbability }));
        console.WriteJson(new { score.Ids, score.Nll, mean, perplexity, top });
    }

    private static void WriteText(ToolConsole console, LoadedModel model, SequenceScore score)
    {
        string Piece(int id) => model.Tokenizer.IdToToken(id) ?? "?";
        for (int i = 0; i < score.Ids.Count; i++)
        {
            string nll = i == 0 ? "" : score.Nll[i - 1].ToString("F4", CultureInfo.InvariantCulture);
            string next = score.Top.Count == 0 ? "" : "  next: " + string.Join(' ', score.Top[i].Select(chance =>
                string.Create(CultureInfo.InvariantCulture, $"{Piece(chance.Id)} {Math.Exp(chance.LogProbability):P1}")));
            console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{nll,9}  {score.Ids[i],7}  {Piece(score.Ids[i])}{next}"));
        }

        console.Out.WriteLine(score.Nll.Count == 0
            ? "one token: nothing to predict"
            : string.Create(CultureInfo.InvariantCulture, $"mean {score.Mean:F4} nats over {score.Nll.Count} tokens, perplexity {score.Perplexity:F3}"));
    }
}
