using System.Collections;
using Microsoft.Build.Framework;

namespace FineTuneTool.Tasks.Tests;

/// <summary>What MSBuild is to a task: keeps every event, and can call back when one arrives.</summary>
internal sealed class FakeBuildEngine : IBuildEngine6
{
    private readonly List<BuildEventArgs> _events = [];

    public Action<BuildEventArgs>? OnEvent { get; init; }

    public Dictionary<string, string> GlobalProperties { get; init; } = [];

    public IReadOnlyList<BuildErrorEventArgs> Errors => [.. Events.OfType<BuildErrorEventArgs>()];

    public IReadOnlyList<BuildWarningEventArgs> Warnings => [.. Events.OfType<BuildWarningEventArgs>()];

    /// <summary>What every log shows.</summary>
    public IReadOnlyList<string> HighMessages => Messages(MessageImportance.High);

    public IReadOnlyList<string> NormalMessages => Messages(MessageImportance.Normal);

    public IReadOnlyList<string> LowMessages => Messages(MessageImportance.Low);

    public IReadOnlyList<ExtendedBuildMessageEventArgs> LiveMessages => [.. Events.OfType<ExtendedBuildMessageEventArgs>()];

    public bool ContinueOnError => false;

    public int LineNumberOfTaskNode => 12;

    public int ColumnNumberOfTaskNode => 5;

    public string ProjectFileOfTaskNode => "some.targets";

    public bool IsRunningMultipleNodes => false;

    private BuildEventArgs[] Events
    {
        get
        {
            lock (_events)
            {
                return [.. _events];
            }
        }
    }

    public void LogErrorEvent(BuildErrorEventArgs e) => Add(e);

    public void LogWarningEvent(BuildWarningEventArgs e) => Add(e);

    public void LogMessageEvent(BuildMessageEventArgs e) => Add(e);

    public void LogCustomEvent(CustomBuildEventArgs e) => Add(e);

    public void LogTelemetry(string eventName, IDictionary<string, string> properties)
    {
    }

    public IReadOnlyDictionary<string, string> GetGlobalProperties() => GlobalProperties;

    public void Yield()
    {
    }

    public void Reacquire()
    {
    }

    public object? GetRegisteredTaskObject(object key, RegisteredTaskObjectLifetime lifetime) => null;

    public void RegisterTaskObject(object key, object obj, RegisteredTaskObjectLifetime lifetime, bool allowEarlyCollection)
    {
    }

    public object? UnregisterTaskObject(object key, RegisteredTaskObjectLifetime lifetime) => null;

    public bool BuildProjectFile(string projectFileName, string[] targetNames, IDictionary globalProperties, IDictionary targetOutputs) => throw new NotSupportedException();

    public bool BuildProjectFile(string projectFileName, string[] targetNames, IDictionary globalProperties, IDictionary targetOutputs, string toolsVersion) => throw new NotSupportedException();

    public bool BuildProjectFilesInParallel(string[] projectFileNames, string[] targetNames, IDictionary[] globalProperties, IDictionary[] targetOutputsPerProject, string[] toolsVersion, bool useResultsCache, bool unloadProjectsOnCompletion) => throw new NotSupportedException();

    public BuildEngineResult BuildProjectFilesInParallel(string[] projectFileNames, string[] targetNames, IDictionary[] globalProperties, IList<string>[] removeGlobalProperties, string[] toolsVersion, bool returnTargetOutputs) => throw new NotSupportedException();

    private IReadOnlyList<string> Messages(MessageImportance importance) =>
        [.. Events.OfType<BuildMessageEventArgs>().Where(message => message.Importance == importance).Select(message => message.Message!)];

    private void Add(BuildEventArgs e)
    {
        lock (_events)
        {
            _events.Add(e);
        }

        OnEvent?.Invoke(e);
    }
}
