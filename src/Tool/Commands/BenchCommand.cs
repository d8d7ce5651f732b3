using System.CommandLine;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Speed;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>
/// How fast this machine trains and generates, beside what it can do at most. Each part is measured by this verb in a process of its own, which answers with JSON.
/// </summary>
internal sealed class BenchCommand : Verb
{
    private const string CeilingPart = "ceiling", TrainingPart = "training", GenerationPart = "generation";

    private readonly Argument<string?> _model = new("model")
    {
        Description = "A .gguf file, a Hugging Face folder, or a Hub id in the local cache",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _random = new("--random")
    {
        Description = $"Instead of a model, random weights of the shape of {string.Join(", ", RandomModel.All.Select(shape => $"{shape.Title} ({shape.Name})"))}; 135m where no model is given",
    };

    private readonly Option<string?> _quantization = new("--quantization")
    {
        Description = "Train only so: nf4 = QLoRA, none = LoRA on 16-bit weights, keep = LoRA on the weights as they are stored",
    };

    private readonly Option<bool> _noGeneration = new("--no-generation") { Description = "Measure training only" };
    private readonly Option<string?> _part = new("--part") { Hidden = true };
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object on standard output" };
    private readonly BenchOptions _options;

    public BenchCommand()
        : base("bench", "How fast this machine trains and generates, beside its ceiling for matrix products")
    {
        Arguments.Add(_model);
        _random.AcceptOnlyFromAmong([.. RandomModel.All.Select(shape => shape.Name)]);
        Options.Add(_random);
        _quantization.AcceptOnlyFromAmong([.. TrainingMode.All.Select(mode => mode.Quantization)]);
        Options.Add(_quantization);
        _options = new BenchOptions(this);
        Options.Add(_noGeneration);
        _part.AcceptOnlyFromAmong(CeilingPart, TrainingPart, GenerationPart);
        Options.Add(_part);
        Options.Add(_json);
        Validators.Add(result =>
        {
            if (result.GetValue(_model) is not null && result.GetValue(_random) is not null)
            {
                result.AddError("Give a model or --random, not both.");
            }
        });
    }

    public override int Run(ParseResult parsed, ToolConsole console, CancellationToken cancellation)
    {
        if (parsed.GetValue(_part) is { } part)
        {
            return RunPart(part, parsed, console, cancellation);
        }

        if (parsed.GetValue(_model) is { } model)
        {
            return RunParts(parsed, model, ModelLocator.Find(model, Directory.GetCurrentDirectory(), SourcePosition.None), console, cancellation);
        }

        RandomModel shape = RandomModel.Find(parsed.GetValue(_random) ?? RandomModel.All[0].Name)!;
        string folder = Directory.CreateTempSubdirectory("finetune-bench-").FullName;
        try
        {
            console.Error.WriteLine($"writing random weights of the shape of {shape.Title}");
            shape.Write(folder);
            return RunParts(parsed, $"random weights of the shape of {shape.Title}", folder, console, cancellation);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private int RunParts(ParseResult parsed, string name, string path, ToolConsole console, CancellationToken cancellation)
    {
        SpeedSettings settings = _options.Settings(parsed);
        IReadOnlyList<(TrainingMode Mode, string Title)> wanted = Modes(parsed, path, settings.ActivationType);
        int exitCode = ExitCodes.Done;
        if (Part<MachineCeiling>("what the machine can do", CeilingPart) is not { } ceiling)
        {
            return exitCode;
        }

        var modes = new List<BenchMode>();
        foreach ((TrainingMode mode, string title) in wanted)
        {
            if (Part<TrainingSpeed>(title, TrainingPart, _quantization.Name, mode.Quantization) is not { } speed)
            {
                return exitCode;
            }

            modes.Add(new BenchMode(mode, title, speed));
        }

        GenerationSpeed? generation = parsed.GetValue(_noGeneration) ? null : Part<GenerationSpeed>("generation", GenerationPart);
        if (exitCode != ExitCodes.Done)
        {
            return exitCode;
        }

        var result = new BenchResult(name, settings, ceiling, modes, generation);
        if (parsed.GetValue(_json))
        {
            console.WriteJson(result.ToJson());
        }
        else
        {
            BenchReport.Write(console.Out, result);
        }

        return exitCode;

        T? Part<T>(string what, string part, params string[] arguments)
            where T : class
        {
            console.Error.WriteLine($"measuring {what}");
            (exitCode, string output) = BenchProcess.Run(console, [Name, path, _part.Name, part, .. arguments, .. _options.Arguments(parsed)], cancellation);
            return exitCode == ExitCodes.Done ? JsonLines.Read<T>(output) : null;
        }
    }

    private int RunPart(string part, ParseResult parsed, ToolConsole console, CancellationToken cancellation)
    {
        SpeedSettings settings = _options.Settings(parsed);
        if (part == CeilingPart)
        {
            console.WriteJson(MachineCeiling.Measure(settings.ActivationType, settings.Threads));
            return ExitCodes.Done;
        }

        using ModelFiles files = ModelFiles.Open(parsed.GetRequiredValue(_model)!);
        if (part == TrainingPart)
        {
            TrainingMode mode = TrainingMode.All.First(mode => mode.Quantization == parsed.GetRequiredValue(_quantization));
            console.WriteJson(TrainingSpeed.Measure(files, mode, settings, cancellation));
        }
        else
        {
            console.WriteJson(GenerationSpeed.Measure(files, settings, cancellation));
        }

        return ExitCodes.Done;
    }

    private IReadOnlyList<(TrainingMode Mode, string Title)> Modes(ParseResult parsed, string path, ElementType activationType)
    {
        using ModelFiles files = ModelFiles.Open(path);
        IEnumerable<TrainingMode> modes = parsed.GetValue(_quantization) is { } only
            ? TrainingMode.All.Where(mode => mode.Quantization == only) : TrainingMode.For(files, activationType);
        return [.. modes.Select(mode => (mode, mode.Title(files, activationType)))];
    }
}
