using System.Globalization;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;

namespace FineTuneTool.Engine.Generation;

/// <summary>
/// A conversation with a model: keeps the turns, renders them for each answer, and lets the generator use again what it computed for earlier ones.
/// When the context is full, the oldest question goes together with its answers, never the system prompt nor the last message.
/// </summary>
public sealed class ChatSession(Generator generator, ChatFormat format, GenerationOptions options)
{
    private readonly List<ChatTurn> _turns = [];
    private ulong _answers;

    /// <summary>The system message, or null for what the template says without one. A change counts from the next answer on.</summary>
    public string? SystemPrompt { get; set; }

    /// <summary>Questions and answers so far that are still remembered.</summary>
    public IReadOnlyList<ChatTurn> Turns => _turns;

    /// <summary>Answers a message. When it is stopped or fails, the message is forgotten again.</summary>
    /// <param name="onDropped">Told how many of the oldest turns no longer fit, before the answer begins.</param>
    /// <exception cref="FineTuneException">FT1006: the message alone does not fit. FT0252: the template failed.</exception>
    /// <exception cref="OperationCanceledException">The user stopped the answer.</exception>
    public GenerationResult Ask(
        string message, Action<string>? onText = null, Action<int>? onDropped = null, CancellationToken cancellation = default)
    {
        _turns.Add(new ChatTurn(ChatTurn.User, message));
        try
        {
            int[] prompt = Prompt(onDropped);
            GenerationResult answer = generator.Generate(prompt, options with { Stream = options.Stream + _answers }, onText, cancellation);
            _answers++;
            _turns.Add(new ChatTurn(ChatTurn.Assistant, answer.Text));
            return answer;
        }
        catch
        {
            _turns.RemoveAt(_turns.Count - 1);
            throw;
        }
    }

    /// <summary>Forgets all turns; the system prompt stays.</summary>
    public void Reset()
    {
        _turns.Clear();
        _answers = 0;
    }

    /// <summary>The weights have changed under the session, as when the adapter is switched: cached states are worthless, the turns stay.</summary>
    public void Forget() => generator.Forget();

    /// <summary>The ids of the conversation, after turns were dropped until a quarter of the context, or the longest answer if that is shorter, is free.</summary>
    private int[] Prompt(Action<int>? onDropped)
    {
        int room = Math.Max(1, Math.Min(options.Sampling.MaxNewTokens, generator.MaxLength / 4));
        int dropped = 0;
        int[] ids = Render();
        while (ids.Length + room > generator.MaxLength && DropOldest() is > 0 and int count)
        {
            dropped += count;
            ids = Render();
        }

        if (dropped > 0)
        {
            onDropped?.Invoke(dropped);
        }

        return ids.Length < generator.MaxLength ? ids : throw new FineTuneException(
            Codes.PromptTooLong,
            string.Create(CultureInfo.InvariantCulture, $"The message has {ids.Length} tokens with the system prompt, but the context holds {generator.MaxLength} with the answer."),
            "Shorten the message or the system prompt, or allow more with --context where the model has a longer context.");
    }

    private int[] Render()
    {
        IReadOnlyList<ChatTurn> turns = SystemPrompt is null ? _turns : [new ChatTurn(ChatTurn.System, SystemPrompt), .. _turns];
        RenderedText text = format(turns);
        return generator.Tokenizer.EncodeIds(text.Text, addSpecialTokens: !text.WritesSpecialTokens);
    }

    /// <summary>Removes the first question and all up to the next one; returns how many turns that were, 0 where only the last message is left.</summary>
    private int DropOldest()
    {
        int next = _turns.FindIndex(1, turn => turn.Role == ChatTurn.User);
        if (next < 0)
        {
            return 0;
        }

        _turns.RemoveRange(0, next);
        return next;
    }
}
