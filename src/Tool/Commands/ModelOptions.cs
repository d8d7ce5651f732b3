using System.CommandLine;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Stages;

namespace FineTuneTool.Tool.Commands;

/// <summary>The arguments and options of every verb that runs a model, in one place: MODEL, --adapter, --quantization, --compute, --threads.</summary>
internal sealed class ModelOptions
{
    public ModelOptions(Command verb, bool modelIsOptional = false, bool hasAdapterOption = true)
    {
        Model = new Argument<string?>("model")
        {
            Description = "A .gguf file, a Hugging Face folder, or a Hub id in the local cache",
            Arity = modelIsOptional ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
        };
        Compute.AcceptOnlyFromAmong([.. SettingTable.Find("ComputeType")!.Allowed!]);
        Quantization.AcceptOnlyFromAmong([.. SettingTable.Find(nameof(RunSettings.Quantization))!.Allowed!.Where(word => word != "auto")]);
        verb.Validators.Add(result =>
        {
            if (result.GetValue(DoubleQuantization) && (result.GetValue(Quantization) ?? "none") == "none")
            {
                result.AddError("--double-quantization needs --quantization nf4 or fp4.");
            }
        });
        Threads.Require(threads => threads is >= 0 and <= 4096, "a whole number of at least 0 and at most 4096");
        verb.Add(Model);
        if (hasAdapterOption)
        {
            verb.Add(Adapters);
        }

        verb.Add(Quantization);
        verb.Add(DoubleQuantization);
        verb.Add(Compute);
        verb.Add(Threads);
    }

    public Argument<string?> Model { get; }

    public Option<string[]> Adapters { get; } = new("--adapter")
    {
        Description = "A PEFT adapter folder, or a .finetune project for its newest adapter; may be given several times where a verb can switch",
        HelpName = "ADAPTER",
    };

    private Option<string?> Quantization { get; } = new("--quantization")
    {
        Description = "Hold the base's layers so, as they were while an adapter was trained on them",
    };

    private Option<bool> DoubleQuantization { get; } = new("--double-quantization") { Description = "Quantise the scales too" };

    private Option<string> Compute { get; } = new("--compute") { Description = "Numbers of the matrix products; auto is fp32", DefaultValueFactory = _ => "auto" };

    private Option<int> Threads { get; } = new("--threads") { Description = "Threads of the engine; 0 = one for each core", HelpName = "N" };

    /// <summary>Opens the model that the command line names, with its adapters; the first adapter counts.</summary>
    public LoadedModel Open(ParseResult parsed) => Open(parsed, parsed.GetRequiredValue(Model)!, parsed.GetValue(Adapters) ?? []);

    /// <summary>Opens a model with this command line's threads.</summary>
    public LoadedModel Open(ParseResult parsed, string model, IReadOnlyList<string> adapters) => Open(parsed, model, Directory.GetCurrentDirectory(), adapters);

    /// <param name="directory">Folder that a relative path of the model starts from.</param>
    /// <param name="trained">Settings of the training that made the adapters: they say how the base is held where the command line does not.</param>
    public LoadedModel Open(ParseResult parsed, string model, string directory, IReadOnlyList<string> adapters, RunSettings? trained = null)
    {
        string path = ModelLocator.Find(model, directory, SourcePosition.None);
        WeightStorage? storage = parsed.GetValue(Quantization) is { } quantization ? BaseStorage.Named(quantization, parsed.GetValue(DoubleQuantization))
            : trained is null ? null : BaseStorage.Of(trained, path);
        return new LoadedModel(path, adapters, parsed.GetValue(Threads), storage, ComputeTypes.ForAnswers(parsed.GetValue(Compute)!));
    }

    /// <summary>Opens a finished model, with its weights as they are stored.</summary>
    public LoadedModel OpenAsStored(ParseResult parsed, string model) =>
        new(ModelLocator.Find(model, Directory.GetCurrentDirectory(), SourcePosition.None), [], parsed.GetValue(Threads),
            activationType: ComputeTypes.ForAnswers(parsed.GetValue(Compute)!));
}
