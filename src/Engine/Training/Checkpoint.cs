using System.Text.Json;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Training.Optimizers;

namespace FineTuneTool.Engine.Training;

/// <summary>
/// A folder checkpoint-N from which a run goes on as if it had not been interrupted:
/// the output at step N as its user would get it, training_state.safetensors (flat: the values as <c>values</c>, the optimizer's tensors
/// as <c>optimizer.*</c>), and checkpoint.json, written last.
/// </summary>
public sealed class Checkpoint
{
    private const string TensorsFile = "training_state.safetensors";

    private Checkpoint(string folder, TrainingState state)
    {
        Folder = folder;
        State = state;
    }

    public string Folder { get; }

    public TrainingState State { get; }

    /// <summary>Writes the run as it stands after <paramref name="state"/>; the folder appears complete or not at all.</summary>
    internal static void Write(string folder, string runHash, TrainingState state, Decoder decoder, Optimizer optimizer, ITrainedOutput output) =>
        AtomicFolder.Write(folder, temporary =>
        {
            output.Write(temporary);
            FlatTensors.Write(Path.Combine(temporary, TensorsFile), Tensors(decoder.Trainable, optimizer), decoder.Backend);
            var files = new SortedDictionary<string, CheckpointFile>(StringComparer.Ordinal);
            foreach (string file in Directory.EnumerateFiles(temporary, "*", SearchOption.AllDirectories))
            {
                files[Path.GetRelativePath(temporary, file).Replace('\\', '/')] = CheckpointFile.Of(file);
            }

            CheckpointMarker marker = new CheckpointMarker(CheckpointMarker.CurrentFormatVersion, runHash, state, files).Sealed();
            AtomicFile.WriteText(Path.Combine(temporary, CheckpointMarker.FileName), JsonSerializer.Serialize(marker, TrainingJson.Default.CheckpointMarker));
        });

    /// <summary>Reads and checks a folder: every file must be as it was written, and the run the same.</summary>
    /// <exception cref="FineTuneException">FT1004: it cannot be resumed from; the message says why.</exception>
    internal static Checkpoint Open(string folder, string runHash)
    {
        string path = Path.Combine(folder, CheckpointMarker.FileName);
        try
        {
            CheckpointMarker? marker = JsonSerializer.Deserialize(File.ReadAllBytes(path), TrainingJson.Default.CheckpointMarker);
            if (marker is not { FormatVersion: CheckpointMarker.CurrentFormatVersion, Files: not null, State.Window: not null } || !marker.IsIntact)
            {
                throw Bad(folder, $"{CheckpointMarker.FileName} is damaged or of another version.");
            }

            if (marker.RunHash != runHash)
            {
                throw Bad(folder, "it belongs to a run with another model, other data, or other settings.");
            }

            foreach ((string name, CheckpointFile expected) in marker.Files)
            {
                string file = Path.GetFullPath(Path.Combine(folder, name));
                if (!file.StartsWith(Path.GetFullPath(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal) || !File.Exists(file)
                    || new FileInfo(file).Length != expected.Bytes || CheckpointFile.Of(file) != expected)
                {
                    throw Bad(folder, $"{name} is missing or damaged.");
                }
            }

            return new Checkpoint(folder, marker.State);
        }
        catch (Exception exception) when (exception is JsonException or IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw Bad(folder, exception.Message, exception);
        }
    }

    /// <summary>Puts values and optimizer state back.</summary>
    internal void Restore(Decoder decoder, Optimizer optimizer) =>
        FlatTensors.Read(Path.Combine(Folder, TensorsFile), Tensors(decoder.Trainable, optimizer), decoder.Backend);

    /// <summary>Puts only the values back.</summary>
    internal void RestoreValues(Decoder decoder) =>
        FlatTensors.Read(Path.Combine(Folder, TensorsFile), [("values", decoder.Trainable.Values)], decoder.Backend);

    private static IReadOnlyList<(string Name, Tensor Tensor)> Tensors(ParameterSet parameters, Optimizer optimizer) =>
        [("values", parameters.Values), .. optimizer.State.Select(state => ($"optimizer.{state.Name}", state.Tensor))];

    private static FineTuneException Bad(string folder, string why, Exception? inner = null) => new(
        Codes.BadCheckpoint,
        $"{Path.GetFileName(folder)} cannot be resumed: {why}",
        "The run goes on without it; delete the folder if it is of no use to you.",
        new SourcePosition(folder),
        inner);
}
