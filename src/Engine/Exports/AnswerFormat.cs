using System.Text.Json.Nodes;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Exports;

/// <summary>How an exported model is asked, and where its answers end: as training had it, not as its base did.</summary>
/// <param name="ChatTemplate">The Jinja chat template to write; null leaves the base's.</param>
/// <param name="EndIds">Ids that end an answer, to be added to those that the base declares; ascending.</param>
public sealed record AnswerFormat(string? ChatTemplate, IReadOnlyList<int> EndIds)
{
    private const string Question = "Where does it end?", Answer = "Here";

    /// <summary>
    /// The format of a project. Says in the log what is written, and warns (FT0253) where a turn ends with text that is no token of the vocabulary,
    /// at which no program that serves the model can stop.
    /// </summary>
    /// <param name="position">Where the project names its template.</param>
    public static AnswerFormat Of(PromptTemplate template, Tokenizer tokenizer, IEventSink events, SourcePosition position = default)
    {
        string? source = template.ServedSource(tokenizer);
        var ends = new SortedSet<int>();
        if (tokenizer.Special.EosToken is { } eos)
        {
            ends.Add(eos.Id);
        }

        foreach (RenderedText turns in Probes(template))
        {
            Collect(turns, template, tokenizer, ends, events, position);
        }

        string? written = source == tokenizer.ChatTemplate ? null : source;
        string names = ends.Count == 0 ? "no token" : string.Join(" or ", ends.Select(tokenizer.IdToToken));
        string which = written is not null ? $"the chat template of {template.Name} goes along"
            : source is not null ? "the base's chat template goes along"
            : $"the base's chat template stays, since a conversation cannot fill the columns of the prompt template {template.Name}";
        events.Milestone($"{which}; answers end at {names}");
        return new AnswerFormat(written, [.. ends]);
    }

    /// <summary>A question with its answer, and two, as training renders them: a template may have a form for each.</summary>
    private static IEnumerable<RenderedText> Probes(PromptTemplate template)
    {
        foreach (int turns in (int[])[1, 2])
        {
            RenderedText? rendered = null;
            try
            {
                rendered = template.Render(new ChatExample([.. Enumerable.Range(0, turns).SelectMany(_ => Turn())], null, default));
            }
            catch (FineTuneException)
            {
                // The template refuses such a conversation, so none of that form was trained.
            }

            if (rendered is not null)
            {
                yield return rendered;
            }
        }
    }

    private static JsonNode[] Turn() =>
    [
        new JsonObject { ["role"] = "user", ["content"] = Question }, new JsonObject { ["role"] = "assistant", ["content"] = Answer },
    ];

    private static void Collect(
        RenderedText turns, PromptTemplate template, Tokenizer tokenizer, SortedSet<int> ends, IEventSink events, SourcePosition position)
    {
        TokenizedExample example = new ExampleTokenizer(tokenizer, template, new PreprocessSettings { MaxSeqLength = int.MaxValue }).Encode(turns);
        int last = Array.FindLast(example.Labels, label => label != TokenizedExample.Ignored);
        if (example.SupervisedTokens > 0 && tokenizer.AddedTokens.Any(token => token.Id == last))
        {
            ends.Add(last);
            return;
        }

        int from = turns.Text.LastIndexOf(Answer, StringComparison.Ordinal) + Answer.Length;
        string end = from < Answer.Length ? "" : turns.Text[from..].Trim();
        if (end.Length > 0 && tokenizer.EncodeIds(end, addSpecialTokens: false) is { Length: > 1 } pieces)
        {
            string eos = tokenizer.Special.EosToken is { } token ? $", such as {token.Text}" : "";
            events.Report(new Diagnostic(Codes.TemplateDoesNotFit,
                $"The template {template.Name} ends a turn with {end}, which the base model's vocabulary splits into {pieces.Length} tokens: programs that serve the model do not stop there.",
                $"Use a template whose turns end with a token of the vocabulary{eos}, or give {end} to the program as a stop text.", position, Severity.Warning));
        }
    }
}
