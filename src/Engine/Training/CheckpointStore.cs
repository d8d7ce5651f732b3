using System.Globalization;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Training.Optimizers;

namespace FineTuneTool.Engine.Training;

/// <summary>The folders checkpoint-N of a run: finds the newest that can be resumed, writes new ones, and prunes old ones.</summary>
internal sealed class CheckpointStore(string folder, string runHash, int limit)
{
    private const string Prefix = "checkpoint-";

    // As AtomicFolder names what it has not finished.
    private const string TemporaryExtension = ".tmp", ReplacedExtension = ".old";

    /// <summary>Steps that have a folder, ascending; some may be damaged.</summary>
    public IReadOnlyList<long> Steps =>
    [
        .. Directory.EnumerateDirectories(folder, Prefix + "*")
            .Select(path => long.TryParse(Path.GetFileName(path)[Prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out long step) ? step : -1)
            .Where(step => step >= 0)
            .Order(),
    ];

    public string PathOf(long step) => Path.Combine(folder, Prefix + step.ToString(CultureInfo.InvariantCulture));

    /// <summary>The newest checkpoint that is sound and of this run; each newer one that is not is a warning FT1004. Null where there is none.</summary>
    public Checkpoint? Newest(IEventSink events) =>
        Steps.Reverse().Select(step => TryOpen(step, events)).FirstOrDefault(checkpoint => checkpoint is not null);

    /// <summary>The checkpoint of a step; null, after a warning FT1004, where it is missing or damaged.</summary>
    public Checkpoint? TryOpen(long step, IEventSink events)
    {
        try
        {
            return Checkpoint.Open(PathOf(step), runHash);
        }
        catch (FineTuneException exception) when (exception.Diagnostic.Code == Codes.BadCheckpoint)
        {
            events.Report(exception.Diagnostic);
            return null;
        }
    }

    public void Write(TrainingState state, Decoder decoder, Optimizer optimizer, ITrainedOutput output)
    {
        Checkpoint.Write(PathOf(state.Step), runHash, state, decoder, optimizer, output);
        Prune(newest: state.Step, best: state.BestStep);
    }

    /// <summary>
    /// Deletes the oldest until <c>SaveTotalLimit</c> are left; never the newest and the best. Folders of later steps are remains
    /// that could not be resumed: they go first.
    /// </summary>
    public void Prune(long newest, long best)
    {
        IReadOnlyList<long> steps = Steps;
        IEnumerable<long> removable = steps.Where(step => step > newest).Concat(steps.Where(step => step < newest)).Where(step => step != best);
        foreach (long step in removable.Take(Math.Max(0, steps.Count - limit)).ToArray())
        {
            Delete(PathOf(step));
        }
    }

    /// <summary>Deletes what runs that were killed left half-written or half-deleted.</summary>
    public void DeleteRemains()
    {
        foreach (string path in Directory.EnumerateDirectories(folder)
            .Where(path => Path.GetExtension(path) is TemporaryExtension or ReplacedExtension).ToArray())
        {
            Directory.Delete(path, recursive: true);
        }
    }

    /// <summary>Renames first, so that a kill half-way leaves no damaged checkpoint behind.</summary>
    private static void Delete(string path)
    {
        string doomed = $"{path}.{Guid.NewGuid():N}{ReplacedExtension}";
        Directory.Move(path, doomed);
        Directory.Delete(doomed, recursive: true);
    }
}
