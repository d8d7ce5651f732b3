using System.CommandLine;
using FineTuneTool.Engine.Generation;

namespace FineTuneTool.Tool.Commands;

/// <summary>The options of every verb that generates text; names and limits are those of the project file.</summary>
internal sealed class SamplingOptions
{
    private readonly Option<double?> _temperature = new("--temperature") { Description = "Randomness; 0 = always the likeliest token", HelpName = "T" };
    private readonly Option<int?> _topK = new("--top-k") { Description = "Keep the k likeliest tokens; 0 = all", HelpName = "K" };
    private readonly Option<double?> _topP = new("--top-p") { Description = "Keep the likeliest tokens up to this share of probability", HelpName = "P" };
    private readonly Option<double?> _minP = new("--min-p") { Description = "Keep tokens at least this share as likely as the likeliest", HelpName = "P" };
    private readonly Option<double?> _repetitionPenalty = new("--repetition-penalty") { Description = "Divides the score of tokens that were said already", HelpName = "F" };
    private readonly Option<int?> _maxNewTokens = new("--max-new-tokens") { Description = "Most tokens of one answer", HelpName = "N" };
    private readonly Option<ulong?> _seed = new("--seed") { Description = "Seed of the random numbers", HelpName = "N" };
    private readonly Option<string[]> _stop = new("--stop") { Description = "A text that ends the answer; may be given several times", HelpName = "TEXT" };

    public SamplingOptions(Command verb)
    {
        foreach (Option option in new Option[] { _temperature, _topK, _topP, _minP, _repetitionPenalty, _maxNewTokens, _seed, _stop })
        {
            verb.Add(option);
        }
    }

    /// <summary>The given options over the defaults.</summary>
    public SamplingSettings Settings(ParseResult parsed, SamplingSettings defaults) => new SamplingSettings
    {
        Temperature = parsed.GetValue(_temperature) ?? defaults.Temperature,
        TopK = parsed.GetValue(_topK) ?? defaults.TopK,
        TopP = parsed.GetValue(_topP) ?? defaults.TopP,
        MinP = parsed.GetValue(_minP) ?? defaults.MinP,
        RepetitionPenalty = parsed.GetValue(_repetitionPenalty) ?? defaults.RepetitionPenalty,
        MaxNewTokens = parsed.GetValue(_maxNewTokens) ?? defaults.MaxNewTokens,
        Seed = parsed.GetValue(_seed) ?? defaults.Seed,
    }.Checked();

    public IReadOnlyList<string> StopStrings(ParseResult parsed) => parsed.GetValue(_stop) ?? [];

    /// <summary>The values of a request line over the given settings.</summary>
    public static SamplingSettings Settings(JsonRequest request, SamplingSettings defaults) => new SamplingSettings
    {
        Temperature = request.Number("temperature") ?? defaults.Temperature,
        TopK = request.Integer("top_k") ?? defaults.TopK,
        TopP = request.Number("top_p") ?? defaults.TopP,
        MinP = request.Number("min_p") ?? defaults.MinP,
        RepetitionPenalty = request.Number("repetition_penalty") ?? defaults.RepetitionPenalty,
        MaxNewTokens = request.Integer("max_new_tokens") ?? defaults.MaxNewTokens,
        Seed = (ulong?)request.Integer("seed") ?? defaults.Seed,
    }.Checked();
}
