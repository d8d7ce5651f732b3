using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Tool.Commands;

/// <summary>The tokenizer of a model that is named on the command line, without its weights.</summary>
internal static class ModelTokenizer
{
    /// <param name="model">A .gguf file, a folder with a tokenizer, or a Hub id in the local cache.</param>
    /// <exception cref="FineTuneException">FT0004: there is no such model. FT0201, FT0202: its tokenizer cannot be read.</exception>
    public static Tokenizer Open(string model)
    {
        if (TokenizerFiles.Exist(model))
        {
            return TokenizerFiles.FromFolder(model);
        }

        string path = ModelLocator.Find(model, Directory.GetCurrentDirectory(), SourcePosition.None);
        if (Directory.Exists(path))
        {
            return TokenizerFiles.FromFolder(path);
        }

        using GgufFile file = GgufFile.Open(path);
        return TokenizerFiles.FromGguf(file);
    }
}
