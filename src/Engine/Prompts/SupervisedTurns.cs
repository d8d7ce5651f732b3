using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts.Jinja.Values;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Prompts;

/// <summary>
/// The turns of a rendered conversation that are learnt, as a rule what the assistant says: as the template marks it, else found by rendering the conversation
/// turn by turn. Without marks a turn is its text and the token that ends it (for ChatML <c>&lt;|im_end|&gt;</c>, not the newline after it).
/// Messages with <c>"train": false</c> or <c>"weight": 0</c> are left out; other weights go with their spans.
/// </summary>
internal sealed class SupervisedTurns(ChatTemplate template, JsonArray messages, ChatTemplateOptions options, SourcePosition position, Supervision? supervision = null)
{
    /// <summary>Learnt turns of which each is found by rendering up to it; of more only the first and the last few.</summary>
    private const int MostRendered = 8, RenderedAtEnds = 2;

    private readonly Supervision _supervision = supervision ?? Supervision.Assistant;

    /// <exception cref="FineTuneException">FT0252: the template fails; FT0253: what it prints for a turn depends on later turns.</exception>
    public RenderedText Render()
    {
        RenderedText whole = template.Render(messages, options, position) with { WritesSpecialTokens = true };
        int[] turns = [.. Enumerable.Range(0, messages.Count).Where(i => _supervision.Learns(ChatRoles.Of(messages[i])))];
        int[] learnt = [.. (_supervision.LastTurnOnly ? turns.TakeLast(1) : turns).Where(i => WeightOf(i) > 0)];
        if (!template.HasGenerationMarks || !_supervision.IsOfAssistant)
        {
            return With(whole, ManySpans(whole.Text, learnt) ?? [.. learnt.Select(i => Span(whole.Text, i))], learnt);
        }

        // Marks can be matched to messages only where there is one for each.
        return whole.Supervised.Count == turns.Length ? With(whole, [.. learnt.Select(i => whole.Supervised[Array.IndexOf(turns, i)])], learnt)
            : _supervision.LastTurnOnly ? whole with { Supervised = [.. whole.Supervised.TakeLast(1)] } : whole;
    }

    /// <summary>
    /// The spans of a long conversation: the first and last turns as those of a short one, the others by marks, where they begin and end as the first one does.
    /// Null where that does not hold.
    /// </summary>
    private TextSpan[]? ManySpans(string whole, int[] learnt)
    {
        if (learnt.Length <= MostRendered || !learnt.All(i => ChatRoles.IsAssistant(messages[i]))
            || MarkedTurns.Find(whole, messages, learnt, marked => template.Render(marked, options, position).Text) is not { } texts)
        {
            return null;
        }

        (int Start, int End)[] spans = new (int, int)[learnt.Length];
        foreach (int turn in Enumerable.Range(0, learnt.Length).Where(turn => turn < RenderedAtEnds || turn >= learnt.Length - RenderedAtEnds))
        {
            spans[turn] = Range(whole, learnt[turn]);
        }

        string before = Between(spans[0].Start, texts[0].Start), after = Between(texts[0].End, spans[0].End);
        for (int turn = RenderedAtEnds; turn < learnt.Length - RenderedAtEnds; turn++)
        {
            (int start, int end) = (texts[turn].Start - before.Length, texts[turn].End + after.Length);
            if (start < 0 || end > whole.Length || Between(start, texts[turn].Start) != before || Between(texts[turn].End, end) != after)
            {
                return null;
            }

            spans[turn] = (start, end);
        }

        return InCodePoints(whole, spans);

        string Between(int from, int to) => from <= to ? whole[from..to] : "";
    }

    private static TextSpan[] InCodePoints(string whole, (int Start, int End)[] spans)
    {
        var points = new TextSpan[spans.Length];
        int unit = 0, point = 0;
        for (int i = 0; i < spans.Length; i++)
        {
            int start = point + PyCharacters.Length(whole.AsSpan(unit, spans[i].Start - unit));
            point = start + PyCharacters.Length(whole.AsSpan(spans[i].Start, spans[i].End - spans[i].Start));
            points[i] = new TextSpan(start, point);
            unit = spans[i].End;
        }

        return points;
    }

    private RenderedText With(RenderedText whole, TextSpan[] spans, int[] turns) => whole with
    {
        Supervised = spans,
        Weights = turns.All(i => WeightOf(i) == 1) ? null : [.. turns.Select(WeightOf)],
    };

    /// <summary>Rows were checked when they were read; a message from elsewhere that says nonsense counts like any other.</summary>
    private float WeightOf(int turn) => MessageWeight.Of(messages[turn]) ?? 1;

    private TextSpan Span(string whole, int turn) => InCodePoints(whole, [Range(whole, turn)])[0];

    /// <summary>A turn in UTF-16 units.</summary>
    private (int Start, int End) Range(string whole, int turn)
    {
        string upTo = turn == messages.Count - 1 ? whole : Part(turn + 1, asksForAnswer: false);
        int start = Start(upTo, turn);
        int end = End(upTo, start, Content(turn));
        if (end > whole.Length || string.CompareOrdinal(whole, 0, upTo, 0, end) != 0)
        {
            throw DoesNotFit($"The template prints message {turn + 1} differently when messages follow it");
        }

        return (start, end);
    }

    private int Start(string upTo, int turn)
    {
        if (!ChatRoles.IsAssistant(messages[turn]))
        {
            return StartOfText(upTo, turn);
        }

        if (turn > 0)
        {
            string before = Part(turn, asksForAnswer: true);
            return upTo.StartsWith(before, StringComparison.Ordinal) ? before.Length
                : throw DoesNotFit($"What the template prints to ask for message {turn + 1} is not the beginning of what it prints with that message");
        }

        // Nothing stands before the first message, so there is no prompt to render: its text has to be found.
        string content = Content(turn);
        int at = content.Length == 0 ? -1 : upTo.IndexOf(content, StringComparison.Ordinal);
        return at >= 0 && upTo.IndexOf(content, at + 1, StringComparison.Ordinal) < 0 ? at
            : throw DoesNotFit("The conversation begins with the assistant, whose text cannot be told apart from the template's");
    }

    /// <summary>Nobody asks for a message that is not the assistant's: it begins with its own text, behind the header that the template gives it.</summary>
    private int StartOfText(string upTo, int turn)
    {
        string before = turn == 0 ? "" : Part(turn, asksForAnswer: false), content = Content(turn);
        int at = content.Length == 0 || !upTo.StartsWith(before, StringComparison.Ordinal) ? -1 : upTo.LastIndexOf(content, StringComparison.Ordinal);
        return at >= before.Length ? at : throw DoesNotFit($"The text of message {turn + 1} cannot be found in what the template prints for it");
    }

    /// <summary>After the text of the turn and the next run of characters that are not blank: the end-of-turn token.</summary>
    private static int End(string upTo, int start, string content)
    {
        // The text stands where the turn begins; where the template puts something before it (reasoning), it is the last of its kind.
        int begin = upTo.Length - PyCharacters.TrimStart(upTo.AsSpan(start)).Length;
        int at = content.Length == 0 ? -1
            : upTo.AsSpan(begin).StartsWith(content, StringComparison.Ordinal) ? begin : upTo.LastIndexOf(content, StringComparison.Ordinal);
        int end = at >= start ? at + content.Length : start;
        while (end < upTo.Length && PyCharacters.IsSpace(upTo[end]))
        {
            end++;
        }

        // Where the text is not found (tool calls, parts), the turn reaches to the last character that is not blank.
        int stop = at >= start ? end : PyCharacters.TrimEnd(upTo).Length;
        while (stop < upTo.Length && !PyCharacters.IsSpace(upTo[stop]))
        {
            stop++;
        }

        return stop == end && at >= start ? at + content.Length : Math.Max(stop, start);
    }

    private string Content(int turn) =>
        messages[turn]?["content"] is JsonValue content && content.TryGetValue(out string? text) ? PyCharacters.Trim(text, null, start: true, end: true) : "";

    private string Part(int count, bool asksForAnswer)
    {
        try
        {
            return template.Render(messages.Take(count), options with { AddGenerationPrompt = asksForAnswer }, position).Text;
        }
        catch (FineTuneException exception)
        {
            throw DoesNotFit($"The template cannot print the first {count} messages alone ({exception.Diagnostic.Message})");
        }
    }

    private FineTuneException DoesNotFit(string what) => new(Codes.TemplateDoesNotFit,
        $"{what}, so it cannot be said which of the text is the assistant's.",
        "Use a template with {% generation %} marks, or a built-in PromptTemplate such as chatml.", position);
}
