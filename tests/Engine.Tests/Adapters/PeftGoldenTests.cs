using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tests.Models;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Adapters;

/// <summary>Adapters as PEFT writes them: what they compute, their gradients, and what they merge to.</summary>
public class PeftGoldenTests
{
    public static TheoryData<string> Local =>
        new("llama-default-qv", "llama-patterns", "llama-regex", "llama-layers-to-transform", "llama-exclude", "llama-rslora");

    public static TheoryData<string> Shared =>
        new("llama-all-linear", "llama-lm-head-untied", "qwen2-default-qv", "qwen2-all-linear", "qwen2-patterns", "qwen2-lm-head-untied",
            "gemma3-all-linear", "phi3-fused");

    [Theory]
    [MemberData(nameof(Local))]
    public void Adapter_of_PEFT_equals_the_reference(string name) => Check(name);

    [SharedTheory("goldens/models/peft")]
    [MemberData(nameof(Shared))]
    public void Further_adapters_of_PEFT_equal_the_reference(string name) => Check(name);

    [SharedTheory("goldens/models/peft")]
    [InlineData("llama-dora", "use_dora")]
    [InlineData("llama-prefix", "PREFIX_TUNING")]
    [InlineData("llama-prompt", "PROMPT_TUNING")]
    [InlineData("llama-ia3", "IA3")]
    [InlineData("llama-pissa", "pissa")]
    [InlineData("llama-modules-to-save", "modules_to_save")]
    [InlineData("llama-embed-tied", "embedding")]
    [InlineData("llama-embed-untied", "embedding")]
    [InlineData("llama-bias-lora-bias", "lora_bias")]
    [InlineData("qwen2-bias-lora-only", "lora_only")]
    public void Other_kinds_of_adapters_are_refused_by_name(string name, string named)
    {
        using var golden = new ModelGolden($"peft/{name}");
        using PeftAdapter files = PeftAdapter.Read(Path.Combine(golden.Folder, "adapter"));
        Decoder decoder = golden.Load(golden.Expected.GetProperty("base").GetString());
        var refused = Assert.Throws<FineTuneException>(() => LoraAdapter.Load(decoder, files, trainable: false));
        Assert.Equal(Codes.UnsupportedAdapter, refused.Diagnostic.Code);
        Assert.Contains(named, refused.Diagnostic.Message);
    }

    private static void Check(string name)
    {
        using var golden = new ModelGolden($"peft/{name}");
        using PeftAdapter files = PeftAdapter.Read(Path.Combine(golden.Folder, "adapter"));
        Decoder decoder = golden.Load(golden.Expected.GetProperty("base").GetString());
        using LoraAdapter adapter = LoraAdapter.Load(decoder, files, trainable: true);
        decoder.ActiveAdapter = adapter;
        Assert.Equal(
            golden.Expected.GetProperty("trainable").EnumerateArray().Select(item => item[0].GetString()).Order(),
            adapter.Parameters!.Parameters.Select(parameter => parameter.Name).Order());

        int[][] sequences = golden.Sequences;
        for (int i = 0; i < sequences.Length; i++)
        {
            ModelGolden.Near(golden.Tensor($"logits.{i}"), ModelGolden.Logits(decoder, ModelGolden.Whole(sequences[i])), ModelGolden.LogitTolerance, $"logits.{i}");
        }

        BatchLoss evaluated = decoder.Evaluate(golden.Batch()), loss = decoder.ForwardBackward(golden.Batch(), 0, 0);
        Assert.Equal(golden.Expected.GetProperty("loss").GetDouble(), loss.LossSum / loss.SupervisedTokens, ModelGolden.LossTolerance);
        Assert.Equal(loss.LossSum, evaluated.LossSum, 1e-4);
        golden.CheckGradients(decoder, loss, "grad.");
        CheckMerge(golden, decoder, adapter);
        CheckRoundTrip(golden, decoder, adapter);
    }

    private static void CheckMerge(ModelGolden golden, Decoder decoder, LoraAdapter adapter)
    {
        MergedWeight[] merged = [.. AdapterMerge.Weights(decoder, adapter)];
        Assert.Equal(
            golden.Expected.GetProperty("merged_tensors").EnumerateArray().Select(item => item.GetString()).Order(),
            merged.Where(weight => weight.IsAdapted).Select(weight => weight.Name).Order());
        foreach (MergedWeight weight in merged.Where(weight => golden.Has($"merged_fp32.{weight.Name}")))
        {
            float[] values = new float[weight.Shape.Count];
            weight.ReadRows(0, values);
            ModelGolden.Near(golden.Tensor($"merged_fp32.{weight.Name}"), values, 1e-6, weight.Name);
        }

        TemporaryFolder folder = golden.NewFolder();
        SafetensorsWriter.Write(folder.File("model.safetensors"), merged.Select(weight => weight.ToSource(ElementType.F32)), SafetensorsWriter.PyTorch);
        File.Copy(Path.Combine(ModelGolden.FolderOf(golden.Expected.GetProperty("base").GetString()!), "config.json"), folder.File("config.json"));
        Decoder whole = golden.LoadFrom(folder.Path);
        ModelGolden.Near(golden.Tensor("logits.1"), ModelGolden.Logits(whole, ModelGolden.Whole(golden.Sequences[1])), ModelGolden.LogitTolerance, "merged model");
    }

    private static void CheckRoundTrip(ModelGolden golden, Decoder decoder, LoraAdapter adapter)
    {
        using var folder = new TemporaryFolder();
        adapter.Write(folder.Path, "base");
        using PeftAdapter files = PeftAdapter.Read(folder.Path);
        using LoraAdapter again = LoraAdapter.Load(decoder, files, trainable: false);
        PackedBatch batch = ModelGolden.Whole(golden.Sequences[0]);
        decoder.ActiveAdapter = adapter;
        float[] expected = ModelGolden.Logits(decoder, batch);
        decoder.ActiveAdapter = again;
        Assert.Equal(expected, ModelGolden.Logits(decoder, batch));
    }
}
