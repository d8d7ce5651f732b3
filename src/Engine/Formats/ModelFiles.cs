using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Formats;

/// <summary>The files of one model: a GGUF file, or a folder as Hugging Face lays it out. Names and layouts stay as in the files.</summary>
public abstract class ModelFiles : IDisposable
{
    private protected ModelFiles(string path) => Path = path;

    /// <summary>The .gguf file or the folder.</summary>
    public string Path { get; }

    public abstract TensorTable Tensors { get; }

    /// <summary>False for a folder with a configuration and without any file of weights, which can only be trained from the beginning.</summary>
    public virtual bool HasWeights => true;

    /// <summary>Every file whose bytes make the model and its tokenizer, in a fixed order, for hashing.</summary>
    public abstract IReadOnlyList<string> ContentFiles { get; }

    /// <summary>
    /// Opens a path: a folder gives <see cref="HuggingFaceModelFiles"/>, a file <see cref="GgufModelFiles"/>.
    /// A path that does not exist raises <see cref="Codes.FileUnreadable"/>.
    /// </summary>
    public static ModelFiles Open(string path)
    {
        if (Directory.Exists(path))
        {
            return new HuggingFaceModelFiles(path);
        }

        if (File.Exists(path))
        {
            return new GgufModelFiles(path);
        }

        throw new FineTuneException(
            Codes.FileUnreadable, $"The model '{path}' does not exist.", "Give a .gguf file or a folder with config.json and model.safetensors.",
            new SourcePosition(path));
    }

    /// <summary>The tensor of that name, or null.</summary>
    public StoredTensor? Find(string name) => Tensors.Find(name);

    public abstract void Dispose();
}
