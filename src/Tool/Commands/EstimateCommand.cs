using System.CommandLine;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>Memory and time of every method of fine-tuning, side by side, and which of them fits.</summary>
internal sealed class EstimateCommand : Verb
{
    private readonly Argument<string> _source = new("source") { Description = "A .finetune project, its folder, or a model: a .gguf file, a Hugging Face folder, a Hub id in the local cache" };
    private readonly Option<string[]> _set = new("--set") { Description = "A setting, such as --set LoraRank=64; may be given several times", HelpName = "NAME=VALUE" };
    private readonly Option<bool> _noProbe = new("--no-probe") { Description = "Memory only: no real step is timed" };
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object on standard output" };

    public EstimateCommand()
        : base("estimate", "Memory and time of full fine-tuning, LoRA, QLoRA and prefix tuning, and which of them fits")
    {
        Arguments.Add(_source);
        _set.RequireSettings();
        Options.Add(_set);
        Options.Add(_noProbe);
        Options.Add(_json);
    }

    public override int Run(ParseResult parsed, ToolConsole console, CancellationToken cancellation)
    {
        string source = parsed.GetRequiredValue(_source);
        bool isProject = EstimateSource.IsProject(source);
        (ProjectRequest request, long? rowTokens, long? rows, bool evaluates) =
            isProject ? EstimateSource.OfProject(source, console, cancellation) : (EstimateSource.OfModel(source), null, null, false);
        Dictionary<string, SettingText> settings = request.Settings.ToDictionary(StringComparer.Ordinal);
        foreach (string setting in parsed.GetValue(_set) ?? [])
        {
            int equals = setting.IndexOf('=');
            settings[setting[..equals]] = new SettingText(setting[(equals + 1)..]);
        }

        request = request with { Settings = settings };
        var estimator = new MethodEstimator(request, rowTokens);
        IReadOnlyList<MethodEstimate> methods = estimator.Methods();
        MethodAdvice advice = MethodAdvice.For(methods, rows, evaluates);
        double? flops = !parsed.GetValue(_noProbe) && (advice.Method ?? methods.FirstOrDefault(method => method.Fits)?.Method) is { } probed
            ? Measure(estimator, probed, console) : null;
        RunSettings project = SettingsParser.Parse(settings, NullEventSink.Instance);
        var report = new EstimateReport(source, methods, advice, flops, rows, rowTokens is null ? null : (long)(rowTokens * project.NumEpochs));
        if (parsed.GetValue(_json))
        {
            console.WriteJson(report.ToJson());
        }
        else
        {
            report.Write(console.Out);
        }

        return ExitCodes.Done;
    }

    private static double Measure(MethodEstimator estimator, string method, ToolConsole console)
    {
        console.Error.WriteLine($"timing a short step of {method}");
        return estimator.MeasureFlops(method);
    }
}
