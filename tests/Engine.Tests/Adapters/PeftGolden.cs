using System.Text.Json;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tests.Models;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Adapters;

/// <summary>One recorded adapter on its base, ready to be trained, and what PEFT says of it.</summary>
internal sealed class PeftGolden : IDisposable
{
    private readonly ModelGolden _golden;
    private readonly PeftAdapter _files;
    private readonly Decoder _decoder;
    private readonly Adapter _adapter;

    public PeftGolden(string name)
    {
        _golden = new ModelGolden($"peft/{name}");
        _files = PeftAdapter.Read(Path.Combine(_golden.Folder, "adapter"));
        _decoder = _golden.Load(Base);
        _adapter = AdapterKinds.Load(_decoder, _files, trainable: true);
        _decoder.ActiveAdapter = _adapter;
    }

    private string Base => _golden.Expected.GetProperty("base").GetString()!;

    /// <summary>What is trained, by PEFT's names of parameters, with its shapes.</summary>
    public void CheckTrainable() => Assert.Equal(
        _golden.Expected.GetProperty("trainable").EnumerateArray().Select(item => $"{item[0].GetString()} [{string.Join(", ", item[1].EnumerateArray())}]").Order(StringComparer.Ordinal),
        _adapter.ToTensors().Select(tensor => $"{TrainedName(tensor.Name)} [{string.Join(", ", Enumerable.Range(0, tensor.Shape.Rank).Select(i => tensor.Shape[i]))}]").Order(StringComparer.Ordinal));

    public void CheckLogits()
    {
        for (int i = 0; i < _golden.Sequences.Length; i++)
        {
            float[] expected = _golden.Tensor($"logits.{i}"), actual = ModelGolden.Logits(_decoder, ModelGolden.Whole(_golden.Sequences[i]));
            ModelGolden.Near(expected.AsSpan(expected.Length - actual.Length), actual, ModelGolden.LogitTolerance, $"logits.{i}");
        }
    }

    public void CheckLossAndGradients()
    {
        BatchLoss evaluated = _decoder.Evaluate(_golden.Batch()), loss = _decoder.ForwardBackward(_golden.Batch(), 0, 0);
        Assert.Equal(_golden.Expected.GetProperty("loss").GetDouble(), loss.LossSum / loss.SupervisedTokens, ModelGolden.LossTolerance);
        Assert.Equal(loss.LossSum, evaluated.LossSum, 1e-4);
        double squares = 0;
        Dictionary<string, Shape> shapes = _adapter.ToTensors().ToDictionary(tensor => tensor.Name, tensor => tensor.Shape);
        foreach (Parameter parameter in _decoder.Trainable.Parameters)
        {
            float[] expected = InMemory(_golden.Tensor($"grad.{TrainedName(parameter.Name)}"), parameter, shapes[parameter.Name]), actual = new float[expected.Length];
            _decoder.Trainable.ReadGradients(actual, parameter.Offset);
            for (int i = 0; i < actual.Length; i++)
            {
                actual[i] /= loss.SupervisedTokens;
                squares += (double)actual[i] * actual[i];
            }

            ModelGolden.Near(expected, actual, ModelGolden.GradientTolerance * expected.Max(Math.Abs), parameter.Name);
        }

        Assert.Equal(1, Math.Sqrt(squares) / _golden.Expected.GetProperty("grad_norm").GetDouble(), 1e-5);
    }

    /// <summary>Greedy answers with a cache, which is used twice so that a new document begins as the first did.</summary>
    public void CheckGreedy()
    {
        if (!_golden.Expected.TryGetProperty("greedy", out JsonElement greedy))
        {
            return;
        }

        using KvCache cache = _decoder.CreateCache(64);
        for (int time = 0; time < 2; time++)
        {
            cache.Reset();
            Assert.Equal(greedy.EnumerateArray().Select(id => id.GetInt32()), Continue(cache, _golden.Sequences[0], greedy.GetArrayLength()));
        }
    }

    public bool IsMergeable => _golden.Expected.TryGetProperty("merged_tensors", out _);

    public void CheckRefusedMerge()
    {
        var refused = Assert.Throws<FineTuneException>(() => AdapterMerge.Weights(_decoder, _adapter).ToArray());
        Assert.Equal(Codes.AdapterNotMergeable, refused.Diagnostic.Code);
        Assert.Empty(AdapterChange.Measure(_adapter));
    }

    public void CheckMerge()
    {
        MergedWeight[] merged = [.. AdapterMerge.Weights(_decoder, _adapter)];
        string tied = _decoder.Head.IsTied ? _decoder.Head.Name : "";
        Assert.Equal(
            _golden.Expected.GetProperty("merged_tensors").EnumerateArray().Select(item => item.GetString()).Where(name => name != tied).Order(),
            merged.Where(weight => weight.IsAdapted).Select(weight => weight.Name).Order());
        foreach (MergedWeight weight in merged.Where(weight => weight.IsAdapted && _golden.Has($"merged_fp32.{weight.Name}")))
        {
            float[] values = new float[weight.Shape.Count];
            weight.ReadRows(0, values);
            ModelGolden.Near(_golden.Tensor($"merged_fp32.{weight.Name}"), values, 1e-6, weight.Name);
        }

        JsonElement config = JsonDocument.Parse(File.ReadAllText(Path.Combine(ModelGolden.FolderOf(Base), "config.json"))).RootElement;
        TemporaryFolder folder = _golden.NewFolder();
        SafetensorsWriter.Write(folder.File("model.safetensors"), merged.Select(weight => weight.ToSource(ElementType.F32)), SafetensorsWriter.PyTorch);
        File.WriteAllText(folder.File("config.json"), JsonSerializer.Serialize(config.EnumerateObject().ToDictionary(
            pair => pair.Name, pair => pair.Name == "tie_word_embeddings" ? JsonSerializer.SerializeToElement(pair.Value.GetBoolean() && !AdapterMerge.Unties(_decoder, _adapter)) : pair.Value)));
        Decoder whole = _golden.LoadFrom(folder.Path);
        ModelGolden.Near(_golden.Tensor("logits.1"), ModelGolden.Logits(whole, ModelGolden.Whole(_golden.Sequences[1])), ModelGolden.LogitTolerance, "merged model");
    }

    public void CheckRoundTrip()
    {
        using var folder = new TemporaryFolder();
        _adapter.Write(folder.Path, "base");
        using PeftAdapter files = PeftAdapter.Read(folder.Path);
        Assert.Equal(
            _files.Tensors.Where(tensor => !tensor.Name.EndsWith(".base_layer.weight")).Select(tensor => $"{tensor.Name} {tensor.Shape}").Order(),
            files.Tensors.Select(tensor => $"{tensor.Name} {tensor.Shape}").Order());
        using Adapter again = AdapterKinds.Load(_decoder, files, trainable: false);
        PackedBatch batch = ModelGolden.Whole(_golden.Sequences[0]);
        float[] expected = ModelGolden.Logits(_decoder, batch);
        _decoder.ActiveAdapter = null;
        Assert.NotEqual(expected, ModelGolden.Logits(_decoder, batch));
        _decoder.ActiveAdapter = again;
        Assert.Equal(expected, ModelGolden.Logits(_decoder, batch));
    }

    public void Dispose()
    {
        _adapter.Dispose();
        _files.Dispose();
        _golden.Dispose();
    }

    private int[] Continue(KvCache cache, int[] prompt, int count)
    {
        float[] logits = new float[_decoder.Spec.VocabSize];
        List<int> answer = [];
        _decoder.Append(cache, prompt, logits);
        while (answer.Count < count)
        {
            answer.Add(logits.AsSpan().IndexOf(logits.Max()));
            _decoder.Append(cache, [answer[^1]], logits);
        }

        return [.. answer];
    }

    /// <summary>PEFT names a parameter and its tensor in the file alike, but for these.</summary>
    private static string TrainedName(string name) =>
        name == "prompt_embeddings" ? "prompt_encoder.embedding.weight"
        : name.EndsWith(".lora_magnitude_vector") ? $"{name}.weight"
        : name.Contains(".lora_") || name.Contains(".base_layer.") || name.EndsWith(".ia3_l") ? name
        : name.Insert(name.LastIndexOf('.'), ".modules_to_save");

    /// <summary>What memory holds in another order than the file: a prefix by layers, the embedding's A by tokens.</summary>
    private float[] InMemory(float[] values, Parameter parameter, Shape shape)
    {
        int width = _adapter is PrefixAdapter ? _decoder.Spec.KeyValueSize : parameter.Name.EndsWith(".lora_embedding_A") ? 1 : 0;
        return width == 0 ? values : new AdapterTensor(parameter.Name, shape, Width: width).ToMemory(values);
    }
}
