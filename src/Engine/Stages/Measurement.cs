using System.Text.Json;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Evaluation;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Generation;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Stages;

/// <summary>What was measured of one model: metrics by split, answers to the sample prompts, and change by module where there is an adapter.</summary>
public sealed record Measurement(
    IReadOnlyDictionary<string, EvaluationMetrics> Splits, IReadOnlyList<string> Answers, IReadOnlyList<LayerChange> Changes)
{
    /// <summary>The settings that a measurement reads.</summary>
    internal static readonly string[] Settings =
    [
        nameof(RunSettings.PromptTemplate), nameof(RunSettings.SystemPrompt), nameof(RunSettings.MaxSeqLength), nameof(RunSettings.Temperature),
        nameof(RunSettings.TopP), nameof(RunSettings.TopK), nameof(RunSettings.MinP), nameof(RunSettings.RepetitionPenalty),
        nameof(RunSettings.MaxNewTokens), nameof(RunSettings.Seed),
    ];

    public static Measurement Read(string path) => JsonSerializer.Deserialize(File.ReadAllText(path), StageJson.Default.Measurement)!;

    public void Write(string path) => AtomicFile.WriteText(path, JsonSerializer.Serialize(this, StageJson.Default.Measurement));

    /// <summary>Sample prompts of the project: the text of an item, or the content of the file that it names.</summary>
    public static IReadOnlyList<string> Prompts(ProjectRequest request) =>
        [.. request.ItemsOf("SamplePrompt").Select(item => item.FullPath is { } path && File.Exists(path) ? File.ReadAllText(path).Trim() : item.Include)];

    /// <summary>Measures a model, with its active adapter, on the splits that have supervised tokens, and asks it the sample prompts.</summary>
    internal static Measurement Of(LoadedModel model, StageContext context, IReadOnlyDictionary<string, string> data, string who, IReadOnlyList<LayerChange> changes)
    {
        RunSettings settings = context.Settings;
        var splits = new Dictionary<string, EvaluationMetrics>();
        foreach (string split in (string[])[GateMetrics.Validation, GateMetrics.Test])
        {
            using TokenizedDataset rows = TokenizedDataset.Open(data[split]);
            if (rows.SupervisedTokens > 0)
            {
                splits[split] = DatasetEvaluation.Measure(model.Decoder, rows, settings.MaxSeqLength, context.Events, $"{who} on {split}", context.Stop);
            }
        }

        PromptTemplate template = context.Template(model.Tokenizer);
        using var logits = new DecoderLogits(model.Decoder);
        var generator = new Generator(logits, model.Tokenizer);
        IReadOnlyList<string> prompts = Prompts(context.Request);
        context.Events.Emit(new Diagnostics.ProgressEvent($"{who} answers", 0, prompts.Count));
        return new Measurement(splits, SamplePrompts.Answer(
            generator, PromptFormats.Of(template), systemPrompt: null, PromptFormats.Options(template, model.Tokenizer, SamplingSettings.From(settings)), prompts, context.Stop), changes);
    }
}
