using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Training;

/// <summary>The TensorBoard file of a run: one file, whose curves go on where a checkpoint left them.</summary>
internal sealed class EventFile : IDisposable
{
    private readonly TensorBoardWriter _writer;

    private EventFile(TensorBoardWriter writer) => _writer = writer;

    /// <summary>Bytes written so far, for <see cref="TrainingState.EventFileBytes"/>.</summary>
    public long Bytes => _writer.Length;

    private static double Now => (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalSeconds;

    /// <param name="bytes">Length of the run's file at the checkpoint it goes on from; what follows is cut. 0 = begin a new file.</param>
    public static EventFile Open(string folder, long bytes)
    {
        string[] files = [.. Directory.EnumerateFiles(folder, "events.out.tfevents.*").Order(StringComparer.Ordinal)];
        if (bytes > 0 && files.Length == 1 && new FileInfo(files[0]).Length >= bytes)
        {
            return new EventFile(TensorBoardWriter.Continue(files[0], bytes));
        }

        Array.ForEach(files, File.Delete);
        return new EventFile(new TensorBoardWriter(Path.Combine(folder, TensorBoardWriter.FileName(DateTimeOffset.UtcNow)), Now));
    }

    /// <summary>Adds a line of metrics under the tags that transformers uses.</summary>
    public void Write(MetricsRow row, double? evalTokenAccuracy)
    {
        Scalar("train/loss", row.Loss);
        Scalar("train/learning_rate", row.LearningRate);
        Scalar("train/grad_norm", row.GradNorm);
        Scalar("train/epoch", row.Epoch);
        Scalar("train/mean_token_accuracy", row.Loss is null ? null : row.TokenAccuracy);
        Scalar("train/tokens_per_second", row.TokensPerSecond);
        Scalar("eval/loss", row.EvalLoss);
        Scalar("eval/mean_token_accuracy", row.EvalLoss is null ? null : evalTokenAccuracy);
        _writer.Flush();

        void Scalar(string tag, double? value)
        {
            if (value is double number)
            {
                _writer.Scalar(tag, (float)number, row.Step, Now);
            }
        }
    }

    public void Dispose() => _writer.Dispose();
}
