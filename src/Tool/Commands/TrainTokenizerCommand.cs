using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.Engine.Tokenizers.Learning;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>Trains the vocabulary of a model that is to be trained from the beginning.</summary>
internal sealed class TrainTokenizerCommand : Verb
{
    private readonly Argument<string[]> _files = new("files")
    {
        Description = "Texts to learn from: .txt, .md, .jsonl, .ndjson, .json, .csv, .tsv or .parquet, or folders of them; of rows every text counts",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<int> _size = new("--vocab-size") { Description = "Tokens of the vocabulary", HelpName = "N", DefaultValueFactory = _ => 32_000 };
    private readonly Option<string> _out = new("--out") { Description = "Folder for tokenizer.json and tokenizer_config.json", HelpName = "FOLDER", Required = true };
    private readonly Option<string[]> _special = new("--special")
    {
        Description = $"A special token beside {string.Join(", ", ByteLevelTrainer.StandardSpecialTokens)}; may be given several times",
        HelpName = "TOKEN",
    };

    private readonly Option<bool> _json = new("--json") { Description = "One JSON object on standard output" };

    public TrainTokenizerCommand()
        : base("train-tokenizer", "Trains a byte-level BPE vocabulary, for a model that is to be trained from the beginning")
    {
        _size.Require(size => size is > 0 and <= ByteLevelTrainer.MostTokens, $"a whole number from 1 to {ByteLevelTrainer.MostTokens}");
        Arguments.Add(_files);
        Options.Add(_size);
        Options.Add(_out);
        Options.Add(_special);
        Options.Add(_json);
    }

    public override int Run(ParseResult parsed, ToolConsole console, CancellationToken cancellation)
    {
        var trainer = new ByteLevelTrainer(parsed.GetValue(_size), parsed.GetValue(_special) ?? []);
        long characters = 0;
        foreach (string text in parsed.GetRequiredValue(_files).SelectMany(Rows).SelectMany(row => Texts(row.Values)))
        {
            cancellation.ThrowIfCancellationRequested();
            trainer.Add(text);
            characters += text.Length;
        }

        string folder = Path.GetFullPath(parsed.GetRequiredValue(_out));
        if (characters == 0)
        {
            throw new FineTuneException(Codes.NoTrainingData, "The files hold no text to learn a vocabulary from.", "Give files with texts, or rows with texts in them.");
        }

        Tokenizer tokenizer = trainer.Train(cancellation);
        TokenizerJson.Write(tokenizer, folder);
        if (parsed.GetValue(_json))
        {
            console.WriteJson(new { Folder = folder, Tokens = tokenizer.VocabularySize, Characters = characters });
            return ExitCodes.Done;
        }

        console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{tokenizer.VocabularySize} tokens from {characters:N0} characters: {folder}"));
        if (tokenizer.VocabularySize < parsed.GetValue(_size))
        {
            console.Error.WriteLine($"Fewer than the {parsed.GetValue(_size)} that were asked for: no two tokens stand side by side twice any more.");
        }

        return ExitCodes.Done;
    }

    private static IEnumerable<RawRow> Rows(string path)
    {
        var position = new SourcePosition(path);
        if (!File.Exists(path) && !Directory.Exists(path))
        {
            throw new FineTuneException(Codes.DataFileMissing, $"The file or folder {path} does not exist.", "Check the path.", position);
        }

        return RowReaders.Files(path, position).SelectMany(file => RowReaders.For(file, position).Read(file));
    }

    private static IEnumerable<string> Texts(JsonNode? node) => node switch
    {
        JsonObject fields => fields.SelectMany(field => Texts(field.Value)),
        JsonArray items => items.SelectMany(Texts),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => [value.GetValue<string>()],
        _ => [],
    };
}
