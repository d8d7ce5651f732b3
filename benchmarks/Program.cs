using System.Globalization;
using FineTuneTool.Benchmarks;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
string which = args.Length > 0 ? args[0] : "all";
int threads = args.Length > 1 ? int.Parse(args[1]) : 1;
string? kernels = args.Length > 2 ? args[2] : null;
Measure.ProcessorTime = threads == 1;
foreach ((string name, Action<int, string?> run) in ((string, Action<int, string?>)[])
    [("ceiling", Ceilings.Run), ("product", Products.Run), ("decode", Decoding.Run), ("layer", Layers.Run), ("step", Steps.Run), ("generate", Generating.Run)])
{
    if (which == "all" || which == name)
    {
        run(threads, kernels);
    }
}
