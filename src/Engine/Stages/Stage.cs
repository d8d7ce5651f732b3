namespace FineTuneTool.Engine.Stages;

public enum StageStatus
{
    Done,
    UpToDate,
    Stopped,
}

/// <summary>How a stage ended and where its outputs lie (full paths).</summary>
public sealed record StageResult(string Stage, StageStatus Status, string Folder, IReadOnlyDictionary<string, string> Outputs, double Seconds);

/// <summary>
/// A cut through the line where data lies on disk. The key names everything the result depends on; <see cref="Run"/> fills a folder.
/// </summary>
public abstract class Stage
{
    /// <summary>Lower-case name, as in <c>finetune stage NAME</c> and in the folder obj/&lt;project&gt;/NAME.</summary>
    public abstract string Name { get; }

    /// <summary>True where an interrupted run's folder is kept, so that the next run of the same key goes on from it.</summary>
    public virtual bool Resumes => false;

    /// <summary>The labelled lines of the key: settings that the stage reads, content hashes of its inputs, keys of the stages before it.</summary>
    public abstract IEnumerable<KeyLine> KeyLines(StageContext context);

    /// <summary>
    /// Does the work into <paramref name="folder"/>. Returns the outputs (name → path relative to the folder), or null when stopped half-way.
    /// </summary>
    public abstract IReadOnlyDictionary<string, string>? Run(StageContext context, string folder);

    /// <summary>What is checked on every call, also when nothing runs: gates, files outside the folder. False makes the stage run again.</summary>
    public virtual bool Check(StageContext context, StageResult result) => true;

    public StageKey Key(StageContext context) => context.Key(this);
}
