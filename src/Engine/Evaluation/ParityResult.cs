using System.Globalization;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>How a model file compares with base plus adapter on the same prompts.</summary>
/// <param name="File">The compared file or folder.</param>
/// <param name="Type">The coarsest element type of its matrices.</param>
/// <param name="RelativeError">Root mean square of the score differences over that of the reference's scores around their mean.</param>
/// <param name="Bound">Largest allowed <paramref name="RelativeError"/>, as the type implies (<see cref="ParityBounds"/>).</param>
/// <param name="MaxError">Largest difference of a score.</param>
/// <param name="Divergence">Mean Kullback-Leibler divergence of the next-token distributions in nats.</param>
/// <param name="SameTop">Share of positions where both find the same token likeliest.</param>
/// <param name="GreedyEqual">Greedy tokens that equal the reference's before the first that does not, over all prompts.</param>
/// <param name="GreedyTotal">Greedy tokens of the reference.</param>
/// <param name="AdapterShare">
/// How much of the adapter's effect on the scores is in the file: 1 = all, 0 = it behaves like the base; null where the adapter has no effect or there is none.
/// </param>
/// <param name="Failure">Why it failed, in words; null where it passed.</param>
public sealed record ParityResult(
    string File,
    ElementType Type,
    double RelativeError,
    double Bound,
    double MaxError,
    double Divergence,
    double SameTop,
    int GreedyEqual,
    int GreedyTotal,
    double? AdapterShare,
    string? Failure)
{
    public bool Passed => Failure is null;

    /// <summary>One line for logs: the numbers that a person compares.</summary>
    public string Summary => string.Create(
        CultureInfo.InvariantCulture,
        $"{Path.GetFileName(Path.TrimEndingDirectorySeparator(File))} ({Type}): score error {RelativeError:0.0000} of at most {Bound:0.0000}, divergence {Divergence:0.00000}, greedy {GreedyEqual} of {GreedyTotal}");

    /// <summary>FT0009 for a file that failed.</summary>
    public Diagnostic ToDiagnostic() => new(
        Codes.ParityFailed,
        $"{Path.GetFileName(Path.TrimEndingDirectorySeparator(File))} differs from base plus adapter: {Failure}.",
        "Export it again from the same adapter and base model; if it fails again, report it with the output of 'finetune verify --json'.",
        new SourcePosition(File));
}
