using FineTuneTool.Engine.Prompts;

namespace FineTuneTool.Engine.Generation;

/// <summary>One message of a chat; the role is <c>system</c>, <c>user</c> or <c>assistant</c>.</summary>
public sealed record ChatTurn(string Role, string Content)
{
    public const string System = "system", User = "user", Assistant = "assistant";
}

/// <summary>Writes the turns of a chat as the text that the model continues with its answer; special tokens stand in the text.</summary>
public delegate RenderedText ChatFormat(IReadOnlyList<ChatTurn> turns);
