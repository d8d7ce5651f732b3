using System.CommandLine;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Evaluation;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>Shows the rows of a project's data as the model sees them: at the terminal, as a page, as JSON lines.</summary>
internal sealed class PreviewCommand : Verb
{
    /// <summary>Brings a project up to date with some settings and says what it asks for.</summary>
    public delegate ProjectRequest Build(string project, IReadOnlyList<string> settings, ToolConsole console, CancellationToken cancellation);

    private const int DefaultRows = 3;

    private readonly Build _build;
    private readonly Argument<string> _project = new("project") { Description = "A .finetune project or its folder; its data are prepared first where they are not" };
    private readonly Option<int> _rows = new("--rows") { Description = "How many rows, from the first", DefaultValueFactory = _ => DefaultRows, HelpName = "N" };
    private readonly Option<string> _split = new("--split") { Description = "The part of the data", DefaultValueFactory = _ => PreviewSource.Parts[0] };
    private readonly Option<string> _html = new("--html") { Description = "Write a self-contained page instead", HelpName = "OUT" };
    private readonly Option<string[]> _set = new("--set") { Description = "A setting to build with, such as --set TrainOnInputs=true; may be given several times", HelpName = "NAME=VALUE" };
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object a row on standard output" };

    public PreviewCommand()
        : this(ProjectBuild.Run)
    {
    }

    public PreviewCommand(Build build)
        : base("preview", "Rows of a project's data as the model sees them: tokens, what is learnt, documents of a packed row")
    {
        _build = build;
        Arguments.Add(_project);
        _rows.Require(rows => rows >= 1, "a whole number of at least 1");
        _split.AcceptOnlyFromAmong(PreviewSource.Parts);
        _set.RequireSettings();
        Options.Add(_rows);
        Options.Add(_split);
        Options.Add(_html);
        Options.Add(_set);
        Options.Add(_json);
        Validators.Add(result =>
        {
            if (result.GetResult(_html) is not null && result.GetValue(_json))
            {
                result.AddError("Give either --html or --json.");
            }
        });
    }

    public override int Run(ParseResult parsed, ToolConsole console, CancellationToken cancellation)
    {
        string project = ProjectResults.FindProject(parsed.GetRequiredValue(_project));
        ProjectRequest request = _build(project, parsed.GetValue(_set) ?? [], console, cancellation);
        PreviewSource source = PreviewSource.Open(project, request, parsed.GetValue(_split)!, parsed.GetValue(_rows), NullEventSink.Instance);
        if (parsed.GetValue(_html) is { } page)
        {
            AtomicFile.WriteText(page, PreviewPage.Render(source.Project, source.Part, source.Preview, source.Tokenizer.IdToToken));
            console.Error.WriteLine($"{source.Preview.Rows.Count} of {source.Preview.AllRows} rows are in {Path.GetFullPath(page)}");
        }
        else if (parsed.GetValue(_json))
        {
            foreach (PreviewRow row in source.Preview.Rows)
            {
                console.WriteJson(Json(row, source));
            }
        }
        else
        {
            new PreviewText(console.Out, console.HasColours ? console.Answers : null, console.TerminalWidth).Write(source.Project, source.Part, source.Preview);
        }

        return ExitCodes.Done;
    }

    private static object Json(PreviewRow row, PreviewSource source)
    {
        int[] ids = [.. row.Documents.SelectMany(document => document.Ids)];
        int start = 0;
        return new
        {
            Split = source.Part,
            Row = row.Number,
            Documents = row.Documents.Select(document =>
            {
                int from = start;
                start += document.Ids.Length;
                return new
                {
                    Source = document.Source?.File,
                    Line = document.Source is { Line: > 0 } place ? place.Line : (int?)null,
                    Start = from,
                    Tokens = document.Ids.Length,
                    Supervised = document.SupervisedTokens,
                };
            }),
            Ids = ids,
            Tokens = ids.Select(source.Tokenizer.IdToToken),
            Labels = row.Documents.SelectMany(document => document.Labels),
        };
    }
}
