namespace FineTuneTool.Engine.Prompts;

/// <summary>Which turns of a conversation are learnt.</summary>
/// <param name="Roles">Roles whose messages are learnt.</param>
/// <param name="LastTurnOnly">Only the last message of those roles is.</param>
public sealed record Supervision(IReadOnlyList<string> Roles, bool LastTurnOnly)
{
    /// <summary>All that the assistant says.</summary>
    public static readonly Supervision Assistant = new([ChatRoles.Assistant], LastTurnOnly: false);

    /// <summary>Nobody but the assistant is learnt, so that a template's own marks can be used.</summary>
    public bool IsOfAssistant => Roles.All(role => role == ChatRoles.Assistant);

    internal bool Learns(string? role) => role is not null && (Roles.Contains(role) || (role == "model" && Roles.Contains(ChatRoles.Assistant)));
}
