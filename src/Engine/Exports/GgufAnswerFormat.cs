using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Exports;

/// <summary>Puts an <see cref="AnswerFormat"/> into the metadata of a GGUF file, beside what the base declares.</summary>
internal static class GgufAnswerFormat
{
    private const string Template = "tokenizer.chat_template";

    /// <summary>Keys whose ids end an answer for llama.cpp. The first is also what tokenizers append, so it is only set where it is absent.</summary>
    private static readonly string[] EndKeys = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];

    public static void Apply(GgufMetadata metadata, AnswerFormat format)
    {
        if (format.ChatTemplate is { } template)
        {
            // Named templates beside the default one are the base's, too.
            metadata.Remove(entry => entry.Key == "tokenizer.chat_templates" || entry.Key.StartsWith(Template + ".", StringComparison.Ordinal));
            metadata.Set(Template, template);
        }

        foreach (int id in format.EndIds)
        {
            if (!EndKeys.Any(key => metadata.GetInteger(key) == id))
            {
                AddEnd(metadata, (uint)id);
            }
        }
    }

    /// <summary>To the first key that is free; where none is, the end of a turn is this one, and the base's is left to llama.cpp, which knows it by its name.</summary>
    private static void AddEnd(GgufMetadata metadata, uint id)
    {
        if (EndKeys.FirstOrDefault(key => metadata.Find(key) is null) is not { } free)
        {
            metadata.Set(EndKeys[1], id);
            return;
        }

        // What training taught is the end of the turn; an earlier one moves on.
        if (free == EndKeys[2])
        {
            metadata.Set(free, metadata.Find(EndKeys[1])!.Value);
            free = EndKeys[1];
        }

        metadata.Set(free, id);
    }
}
