namespace FineTuneTool.Engine.Training;

/// <summary>What training leaves behind for its user: an adapter folder, or a model folder after full fine-tuning.</summary>
public interface ITrainedOutput
{
    /// <summary>Name of the folder beside metrics.csv: <c>adapter</c> or <c>model</c>.</summary>
    string FolderName { get; }

    /// <summary>Writes the trained values as they are now into an existing, empty folder. Equal values give equal bytes.</summary>
    void Write(string folder);
}
