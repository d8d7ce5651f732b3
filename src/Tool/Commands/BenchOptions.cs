using System.CommandLine;
using System.Globalization;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Speed;
using FineTuneTool.Engine.Stages;

namespace FineTuneTool.Tool.Commands;

/// <summary>What <c>finetune bench</c> takes beside the model.</summary>
internal sealed class BenchOptions
{
    private readonly Option<int> _rows = Number("--rows", "Documents of a batch", 4, 1, 4096);
    private readonly Option<int> _sequenceLength = Number("--seq", "Tokens of each document", 512, 2, 1 << 20);
    private readonly Option<int> _rank = Number("--rank", "Rank of the adapter", 16, 1, 4096);
    private readonly Option<int> _runs = Number("--runs", "Steps that are timed, after one that warms up; the best counts", 3, 1, 1000);
    private readonly Option<int> _threads = Number("--threads", "Threads of the engine; 0 = one for each core", 0, 0, 4096);
    private readonly Option<double> _supervised = new("--supervised") { Description = "Share of the tokens that is learnt", HelpName = "SHARE", DefaultValueFactory = _ => 1 };
    private readonly Option<bool> _checkpointing = new("--gradient-checkpointing") { Description = "Layers keep only their input and compute the rest again: less memory, more time" };
    private readonly Option<string> _compute = new("--compute") { Description = "Arithmetic of the matrix products", DefaultValueFactory = _ => "auto" };

    public BenchOptions(Command verb)
    {
        _compute.AcceptOnlyFromAmong([.. SettingTable.Find("ComputeType")!.Allowed!]);
        _supervised.Require(share => share is > 0 and <= 1, "a number above 0 and at most 1");
        foreach (Option option in (Option[])[_rows, _sequenceLength, _rank, _supervised, _checkpointing, _runs, _compute, _threads])
        {
            verb.Options.Add(option);
        }
    }

    public SpeedSettings Settings(ParseResult parsed) => new()
    {
        Rows = parsed.GetValue(_rows),
        SequenceLength = parsed.GetValue(_sequenceLength),
        Rank = parsed.GetValue(_rank),
        SupervisedShare = parsed.GetValue(_supervised),
        Runs = parsed.GetValue(_runs),
        GradientCheckpointing = parsed.GetValue(_checkpointing),
        Threads = parsed.GetValue(_threads),
        ActivationType = ComputeTypes.ForTraining(parsed.GetValue(_compute)!),
    };

    /// <summary>The same options as a command line.</summary>
    public IEnumerable<string> Arguments(ParseResult parsed) =>
    [
        .. ((Option<int>[])[_rows, _sequenceLength, _rank, _runs, _threads]).SelectMany(option => new[] { option.Name, parsed.GetValue(option).ToString(CultureInfo.InvariantCulture) }),
        _supervised.Name, parsed.GetValue(_supervised).ToString("R", CultureInfo.InvariantCulture),
        _compute.Name, parsed.GetValue(_compute)!,
        _checkpointing.Name, parsed.GetValue(_checkpointing) ? "true" : "false",
    ];

    private static Option<int> Number(string name, string description, int value, int least, int most)
    {
        var option = new Option<int>(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value };
        option.Require(number => number >= least && number <= most, string.Create(CultureInfo.InvariantCulture, $"a whole number of at least {least} and at most {most}"));
        return option;
    }
}
