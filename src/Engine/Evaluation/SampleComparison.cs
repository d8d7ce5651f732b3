namespace FineTuneTool.Engine.Evaluation;

/// <summary>A sample prompt with the answers of the base and of the tuned model.</summary>
public sealed record SampleComparison(string Prompt, string Before, string After);
