using System.Text.Json.Nodes;
using FineTuneTool.Engine.Prompts.Jinja.Values;

namespace FineTuneTool.Engine.Prompts;

/// <summary>
/// Finds many turns in a rendered conversation at once: it is rendered a second time with marks around their texts. Rendering it up to each turn
/// takes time by the square of its length.
/// </summary>
internal static class MarkedTurns
{
    // Noncharacters, which no text has.
    private const char Begin = '\uFDD0', End = '\uFDD1';

    /// <summary>
    /// Where the texts of some messages stand in what the template prints, in UTF-16 units, in order. Null where that cannot be said: a message is no
    /// text or blank, or the template prints something else when there are marks.
    /// </summary>
    /// <param name="whole">What the template prints without marks.</param>
    /// <param name="render">Renders messages as <paramref name="whole"/> was.</param>
    public static List<(int Start, int End)>? Find(string whole, JsonArray messages, IReadOnlyCollection<int> turns, Func<JsonArray, string> render)
    {
        var marked = new JsonArray([.. messages.Select(message => message?.DeepClone())]);
        foreach (int turn in turns)
        {
            if (marked[turn] is not JsonObject message || message["content"] is not JsonValue content || !content.TryGetValue(out string? text)
                || PyCharacters.Trim(text, null, start: true, end: true) is not { Length: > 0 } trimmed || text.AsSpan().ContainsAny(Begin, End))
            {
                return null;
            }

            // The marks stand inside white space at the ends, for a template that trims to take it as before.
            int at = text.IndexOf(trimmed, StringComparison.Ordinal);
            message["content"] = $"{text[..at]}{Begin}{trimmed}{End}{text[(at + trimmed.Length)..]}";
        }

        string printed = render(marked);
        List<(int Start, int End)> found = [];
        int position = 0, start = -1;
        foreach (char c in printed)
        {
            if (c == Begin)
            {
                start = position;
            }
            else if (c == End && start >= 0)
            {
                found.Add((start, position));
                start = -1;
            }
            else if (position == whole.Length || whole[position++] != c)
            {
                return null;
            }
        }

        return position == whole.Length && found.Count == turns.Count ? found : null;
    }
}
