using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Formats;

/// <summary>
/// A model folder: <c>config.json</c>, and <c>model.safetensors</c> or shards with <c>model.safetensors.index.json</c>, or no weights at all.
/// A missing or malformed configuration raises <see cref="Codes.FileUnreadable"/> or <see cref="Codes.BadModelConfig"/>.
/// </summary>
public sealed class HuggingFaceModelFiles : ModelFiles
{
    private const string SingleFile = "model.safetensors";
    private const string IndexFile = "model.safetensors.index.json";

    /// <summary>Files beside the weights that belong to the model, where they exist.</summary>
    private static readonly string[] Companions =
    [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json",
        "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja", "chat_template.json",
    ];

    private readonly List<SafetensorsFile> _files = [];

    internal HuggingFaceModelFiles(string folder)
        : base(folder)
    {
        Config = JsonFile.ReadObject(System.IO.Path.Combine(folder, "config.json"), Codes.BadModelConfig);
        try
        {
            Tensors = OpenWeights(folder);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The content of <c>config.json</c>.</summary>
    public JsonObject Config { get; }

    public override TensorTable Tensors { get; }

    public override bool HasWeights => _files.Count > 0;

    /// <summary>The safetensors files, in the order of their names.</summary>
    public IReadOnlyList<SafetensorsFile> WeightFiles => _files;

    /// <summary>Configuration and tokenizer: the files beside the weights, as far as they exist.</summary>
    public IReadOnlyList<string> CompanionFiles => Existing(Companions);

    public override IReadOnlyList<string> ContentFiles => [.. Existing(Companions), .. Existing([IndexFile]), .. _files.Select(file => file.Path)];

    public override void Dispose()
    {
        foreach (SafetensorsFile file in _files)
        {
            file.Dispose();
        }
    }

    private IReadOnlyList<string> Existing(string[] names) => [.. names.Select(name => System.IO.Path.Combine(Path, name)).Where(File.Exists)];

    private TensorTable OpenWeights(string folder)
    {
        string single = System.IO.Path.Combine(folder, SingleFile), index = System.IO.Path.Combine(folder, IndexFile);
        if (!File.Exists(single) && File.Exists(index))
        {
            return OpenShards(SafetensorsIndex.Read(index));
        }

        if (!File.Exists(single) && (Directory.EnumerateFiles(folder, "*.bin").Any() || Directory.EnumerateFiles(folder, "*.pt").Any()))
        {
            throw new FineTuneException(
                Codes.FileUnreadable, $"'{folder}' holds PyTorch weights only; files that can run code are not read.",
                "Convert the weights to model.safetensors.", new SourcePosition(folder));
        }

        if (!File.Exists(single) && !Directory.EnumerateFiles(folder, "*.safetensors").Any())
        {
            return new TensorTable([]);
        }

        _files.Add(SafetensorsFile.Open(single));
        return _files[0].Tensors;
    }

    private TensorTable OpenShards(SafetensorsIndex index)
    {
        var owners = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string shard in index.Shards)
        {
            _files.Add(SafetensorsFile.Open(System.IO.Path.Combine(Path, shard)));
            foreach (string name in _files[^1].Tensors.Select(tensor => tensor.Name))
            {
                if (!owners.TryAdd(name, shard))
                {
                    throw SafetensorsIndex.Bad(index.Path, $"tensor '{name}' lies in '{owners[name]}' and in '{shard}'");
                }
            }
        }

        foreach ((string name, string shard) in index.WeightMap)
        {
            if (owners.GetValueOrDefault(name) != shard)
            {
                throw SafetensorsIndex.Bad(index.Path, $"tensor '{name}' is not in '{shard}', where the index puts it");
            }
        }

        return new TensorTable([.. _files.SelectMany(file => file.Tensors)]);
    }
}
