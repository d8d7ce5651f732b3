using System.Globalization;
using BenchmarkDotNet.Running;
using FineTuneTool.Benchmarks;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
(string Name, Action<int, string?> Run)[] tables = [("product", Products.Run), ("decode", Decoding.Run), ("generate", Generating.Run), ("layer", Layers.Run), ("tokenize", Tokenizing.Run), ("preprocess", Preprocessing.Run)];
if (args.Length == 0 || tables.All(table => table.Name != args[0]))
{
    BenchmarkSwitcher.FromTypes([typeof(LinearBenchmarks), typeof(OperationBenchmarks), typeof(TokenizerBenchmarks), typeof(PackingBenchmarks)])
        .Run(args, BenchmarkSettings.Config);
    return;
}

int threads = args.Length > 1 ? int.Parse(args[1]) : 1;
Measure.ProcessorTime = threads == 1;
tables.Single(table => table.Name == args[0]).Run(threads, args.Length > 2 ? args[2] : null);
