using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Protocol;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Tool.Commands;

/// <summary>A part of a project's newest prepared data, with the tokenizer that reads it.</summary>
internal sealed record PreviewSource(string Project, string Part, DatasetPreview Preview, Tokenizer Tokenizer)
{
    /// <summary>The parts of the data by the names of the stage's outputs.</summary>
    public static readonly string[] Parts = ["train", "validation", "test"];

    /// <param name="project">Full path of the .finetune file.</param>
    /// <param name="rows">Rows to show.</param>
    /// <exception cref="FineTuneException">FT0008: nothing is prepared. FT0106: the part is empty.</exception>
    public static PreviewSource Open(string project, ProjectRequest request, string part, int rows, IEventSink events)
    {
        var context = new StageContext(request, events);
        using TokenizedDataset data = TokenizedDataset.Open(ProjectResults.Output(project, "preprocess", part));
        if (data.Count == 0)
        {
            throw new FineTuneException(Codes.EmptySplit, $"The {part} part of {request.Project.Name} has no rows.",
                "Raise its ratio or give it rows of its own, or look at another part with --split.", new SourcePosition(project));
        }

        DatasetPreview preview = DatasetPreview.Of(data, context.Tokenizer, context.Settings.MaxSeqLength, context.Settings.SamplePacking, rows);
        return new PreviewSource(request.Project.Name, part, preview, context.Tokenizer);
    }
}
