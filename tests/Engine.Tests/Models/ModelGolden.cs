using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Models;

/// <summary>One folder of the model references: in the repository, or beside the checkout. Owns what it opens.</summary>
internal sealed class ModelGolden : IDisposable
{
    /// <summary>A float32 engine that sums in another order than the reference stays below these; wrong maths is 100 times above.</summary>
    public const float LogitTolerance = 1e-4f;
    public const float LossTolerance = 1e-5f;
    public const float GradientTolerance = 1e-4f;

    private readonly SafetensorsFile _tensors;
    private readonly List<IDisposable> _opened = [];

    public ModelGolden(string path)
    {
        Folder = FolderOf(path);
        Expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "expected.json"))).RootElement;
        _tensors = SafetensorsFile.Open(Path.Combine(Folder, "expected.safetensors"));
        Backend = CpuBackend.Create(threads: 2);
    }

    public string Folder { get; }

    public JsonElement Expected { get; }

    public Backend Backend { get; }

    public IEnumerable<string> TensorNames => _tensors.Tensors.Select(tensor => tensor.Name);

    public static string FolderOf(string path)
    {
        string local = Path.Combine(Paths.Goldens, "models", path);
        return Directory.Exists(local) ? local : Path.Combine(Paths.Shared, "goldens", "models", path);
    }

    public Decoder Load(string? model = null) => LoadFrom(model is null ? Folder : FolderOf(model));

    public Decoder LoadFrom(string path)
    {
        var files = ModelFiles.Open(path);
        Decoder decoder = Decoder.Load(files, Backend);
        _opened.Add(files);
        _opened.Add(decoder);
        return decoder;
    }

    /// <summary>The model with another configuration.</summary>
    public Decoder LoadChanged(Action<JsonObject> change)
    {
        JsonObject config = JsonFile.ReadObject(Path.Combine(Folder, "config.json"), Diagnostics.Codes.BadModelConfig);
        change(config);
        TemporaryFolder folder = NewFolder();
        folder.Write("config.json", config.ToJsonString());
        File.Copy(Path.Combine(Folder, "model.safetensors"), folder["model.safetensors"]);
        return LoadFrom(folder.Path);
    }

    /// <summary>A folder that lasts as long as this.</summary>
    public TemporaryFolder NewFolder()
    {
        var folder = new TemporaryFolder();
        _opened.Add(folder);
        return folder;
    }

    public int[][] Sequences => Ints2(Expected.GetProperty("sequences"));

    /// <summary>The batch without its padding: one document a row, trailing masked positions dropped.</summary>
    public PackedBatch Batch()
    {
        JsonElement batch = Expected.GetProperty("batch");
        int[][] ids = Ints2(batch.GetProperty("input_ids")), masks = Ints2(batch.GetProperty("attention_mask")), labels = Ints2(batch.GetProperty("labels"));
        return PackedBatch.FromExamples([.. ids.Select((row, i) => new TokenizedExample(row[..masks[i].Sum()], labels[i][..masks[i].Sum()]))]);
    }

    public bool Has(string name) => _tensors.Tensors.Find(name) is not null;

    public float[] Tensor(string name)
    {
        StoredTensor stored = _tensors.Tensors.Find(name) ?? throw new KeyNotFoundException(name);
        float[] values = new float[stored.Shape.Count];
        using Tensor tensor = Backend.Load(stored);
        Backend.Read(tensor, values);
        return values;
    }

    public static int[][] Ints2(JsonElement element) =>
        [.. element.EnumerateArray().Select(row => row.EnumerateArray().Select(id => id.GetInt32()).ToArray())];

    /// <summary>Documents whose every token but the first is supervised.</summary>
    public static PackedBatch Whole(params int[][] sequences) =>
        PackedBatch.FromExamples([.. sequences.Select(ids => new TokenizedExample(ids, ids))]);

    public static float[] Logits(Decoder decoder, PackedBatch batch)
    {
        float[] logits = new float[batch.Tokens * decoder.Spec.VocabSize];
        decoder.Logits(batch, [.. Enumerable.Range(0, batch.Tokens)], logits);
        return logits;
    }

    public static void Near(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        double worst = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            worst = Math.Max(worst, Math.Abs((double)expected[i] - actual[i]));
            Assert.False(float.IsNaN(actual[i]), $"{what}: element {i} is not a number");
        }

        Assert.True(worst <= tolerance, $"{what}: off by {worst:G3}, allowed {tolerance:G3}");
    }

    /// <summary>Every gradient of what is trained against <c>prefix + name</c>, where the recorded one is of the mean over the supervised tokens.</summary>
    public void CheckGradients(Decoder decoder, BatchLoss loss, string prefix)
    {
        foreach (Parameter parameter in decoder.Trainable.Parameters)
        {
            float[] expected = Tensor(prefix + parameter.Name), actual = new float[parameter.Shape.Count];
            decoder.Trainable.ReadGradients(actual, parameter.Offset);
            float largest = 0;
            for (int i = 0; i < actual.Length; i++)
            {
                actual[i] /= loss.SupervisedTokens;
                largest = Math.Max(largest, Math.Abs(expected[i]));
            }

            Near(expected, actual, GradientTolerance * largest, parameter.Name);
        }
    }

    public void Dispose()
    {
        foreach (IDisposable opened in Enumerable.Reverse(_opened))
        {
            opened.Dispose();
        }

        _tensors.Dispose();
        Backend.Dispose();
    }
}
