using System.Text.Json.Nodes;

namespace FineTuneTool.Engine.Prompts;

/// <summary>What a chat template is given besides the messages.</summary>
public sealed record ChatTemplateOptions
{
    public static readonly ChatTemplateOptions Default = new();

    /// <summary>End with the beginning of an answer, for the model to go on.</summary>
    public bool AddGenerationPrompt { get; init; }

    /// <summary>End inside the last message, for the model to go on with it.</summary>
    public bool ContinueFinalMessage { get; init; }

    public JsonArray? Tools { get; init; }

    public JsonArray? Documents { get; init; }

    /// <summary>More variables; they win over special tokens of the same name.</summary>
    public JsonObject? Variables { get; init; }

    /// <summary>What strftime_now tells a template that writes a date. Fixed, so that the same data give the same tokens on any day.</summary>
    public DateTime Now { get; init; } = new(2025, 1, 1, 0, 0, 0, DateTimeKind.Unspecified);
}
