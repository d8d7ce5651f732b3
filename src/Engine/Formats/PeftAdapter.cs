using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Formats;

/// <summary>
/// An adapter folder as PEFT lays it out: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>. Tensor names stay as in the file:
/// <c>base_model.model.</c> + module path + <c>.lora_A.weight</c> and so on.
/// </summary>
public sealed class PeftAdapter : IDisposable
{
    public const string WeightsFileName = "adapter_model.safetensors";

    private readonly SafetensorsFile _file;

    private PeftAdapter(string folder, PeftConfig config, SafetensorsFile file)
    {
        Folder = folder;
        Config = config;
        _file = file;
    }

    public string Folder { get; }

    public PeftConfig Config { get; }

    public TensorTable Tensors => _file.Tensors;

    /// <summary>Both files, for hashing.</summary>
    public IReadOnlyList<string> ContentFiles => [Path.Combine(Folder, PeftConfig.FileName), _file.Path];

    /// <summary>Opens a folder. Raises <see cref="Codes.FileUnreadable"/>, <see cref="Codes.BadAdapter"/>, and <see cref="Codes.BadSafetensors"/>.</summary>
    public static PeftAdapter Read(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new FineTuneException(
                Codes.FileUnreadable, $"The adapter folder '{folder}' does not exist.",
                $"Give a folder with {PeftConfig.FileName} and {WeightsFileName}.", new SourcePosition(folder));
        }

        PeftConfig config = PeftConfig.Read(Path.Combine(folder, PeftConfig.FileName));
        return new PeftAdapter(folder, config, SafetensorsFile.Open(Path.Combine(folder, WeightsFileName)));
    }

    /// <summary>
    /// Writes the two files into a folder, each atomically, the configuration last; the folder is made where it is missing.
    /// Raises <see cref="Codes.NotEnoughDisk"/> and <see cref="Codes.FileUnwritable"/>.
    /// </summary>
    /// <param name="tensors">Named as in the file.</param>
    public static void Write(string folder, PeftConfig config, IEnumerable<TensorSource> tensors)
    {
        SafetensorsWriter.Write(Path.Combine(folder, WeightsFileName), tensors, SafetensorsWriter.PyTorch);
        AtomicFile.WriteText(Path.Combine(folder, PeftConfig.FileName), config.ToJson());
    }

    /// <inheritdoc cref="Write(string, PeftConfig, IEnumerable{TensorSource})"/>
    public static void Write(string folder, PeftConfig config, IEnumerable<StoredTensor> tensors) =>
        Write(folder, config, tensors.Select(tensor => TensorSource.Of(tensor)));

    public void Dispose() => _file.Dispose();
}
