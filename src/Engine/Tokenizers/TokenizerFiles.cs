using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>Finds a model's tokenizer: in a Hugging Face folder, or in the metadata of a GGUF file.</summary>
public static class TokenizerFiles
{
    /// <summary>
    /// Reads tokenizer.json of a folder, or tokenizer.model where there is none, and beside it, where they exist, tokenizer_config.json and
    /// special_tokens_map.json (which tokens begin, end and pad), generation_config.json (what ends an answer), chat_template.jinja or chat_template.json.
    /// Raises FT0201 where a file is missing or malformed, FT0202 where a part of it is not supported.
    /// </summary>
    public static Tokenizer FromFolder(string folder)
    {
        string path = Path.Combine(folder, "tokenizer.json");
        if (!File.Exists(path))
        {
            return Exist(folder) ? SentencePieceFolder.Read(folder) : throw new FineTuneException(
                Codes.BadTokenizer,
                $"There is no tokenizer.json or tokenizer.model in '{folder}'.",
                "Fetch the model again with its tokenizer, or use a .gguf file, which carries its own.",
                new SourcePosition(folder));
        }

        return TokenizerJson.Read(ReadBytes(path), path, FolderDeclarations.Read(folder));
    }

    /// <summary>True where a folder has a tokenizer that <see cref="FromFolder"/> looks for.</summary>
    public static bool Exist(string folder) => File.Exists(Path.Combine(folder, "tokenizer.json")) || File.Exists(Path.Combine(folder, "tokenizer.model"));

    /// <summary>Reads the vocabulary in a GGUF file's metadata; FT0201 where it is malformed, FT0202 where its kind is not supported.</summary>
    public static Tokenizer FromGguf(GgufFile file) => FromGguf(file.Metadata);

    /// <summary>As <see cref="FromGguf(GgufFile)"/>, from metadata alone.</summary>
    public static Tokenizer FromGguf(GgufMetadata metadata)
    {
        var vocabulary = new GgufVocabulary(metadata);
        return TokenizerJson.Read(vocabulary.ToJson(), metadata.Path ?? "GGUF metadata", vocabulary.Declarations);
    }

    internal static byte[] ReadBytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new FineTuneException(Codes.BadTokenizer, $"The file cannot be read: {problem.Message}", "Check that it exists and may be read.", new SourcePosition(path), problem);
        }
    }
}
