using System.Runtime.InteropServices;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tests.Models;

namespace FineTuneTool.Engine.Tests.Adapters;

public class AdapterMergeTests
{
    [Fact]
    public void Base_and_delta_are_rounded_together_once()
    {
        using var golden = new ModelGolden("peft/llama-default-qv");
        using PeftAdapter files = PeftAdapter.Read(Path.Combine(golden.Folder, "adapter"));
        Decoder decoder = NarrowBase(golden);
        using LoraAdapter adapter = LoraAdapter.Load(decoder, files, trainable: false);
        int elements = 0, different = 0, fromTwoRoundings = 0;
        foreach (MergedWeight weight in AdapterMerge.Weights(decoder, adapter).Where(weight => weight.IsAdapted))
        {
            ReadOnlySpan<ushort> ours = Halves(Bytes(weight, ElementType.BF16));
            float[] once = golden.Tensor($"merged_bf16.{weight.Name}"), twice = golden.Tensor($"merged_bf16_safe.{weight.Name}");
            for (int i = 0; i < ours.Length; i++)
            {
                float value = BitConverter.UInt32BitsToSingle((uint)ours[i] << 16);
                elements++;
                different += value != once[i] ? 1 : 0;
                fromTwoRoundings += value != twice[i] ? 1 : 0;
            }
        }

        Assert.Equal(golden.Expected.GetProperty("bf16_changed_elements").GetInt32(), elements);
        Assert.True(different <= elements / 1000, $"{different} of {elements} differ: more than another order of sums explains");
        Assert.InRange(fromTwoRoundings, elements / 10, elements / 3);
    }

    [Theory]
    [InlineData(ElementType.F32)]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.BF16)]
    public void Without_an_adapter_the_base_is_written(ElementType type)
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        MergedWeight[] weights = [.. AdapterMerge.Weights(decoder, null)];
        Assert.Equal(model.Tensors.Keys, weights.Select(weight => weight.Name));
        foreach (MergedWeight weight in weights)
        {
            Assert.False(weight.IsAdapted);
            byte[] bytes = Bytes(weight, type);
            ReadOnlySpan<float> values = MemoryMarshal.Cast<byte, float>(model.Tensors[weight.Name].Span);
            for (int i = 0; i < values.Length; i++)
            {
                float read = type switch
                {
                    ElementType.F32 => MemoryMarshal.Cast<byte, float>(bytes)[i],
                    ElementType.F16 => (float)MemoryMarshal.Cast<byte, Half>(bytes)[i],
                    _ => BitConverter.UInt32BitsToSingle((uint)Halves(bytes)[i] << 16),
                };
                double halfStep = type switch { ElementType.F32 => 0, ElementType.F16 => 1 / 2048.0, _ => 1 / 256.0 };
                Assert.InRange(Math.Abs((double)read - values[i]), 0, halfStep * Math.Abs(values[i]) + 1e-7);
            }
        }
    }

    [Fact]
    public void The_change_of_a_layer_is_measured_through_the_factors()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        var settings = new LoraSettings { Rank = 3, Alpha = 7, Targets = ModuleSelection.Of("k_proj", "down_proj") };
        using LoraAdapter adapter = LoraAdapter.Create(decoder, settings, seed: 1);
        adapter.Parameters!.WriteValues([.. Enumerable.Range(0, (int)adapter.Parameters.Count).Select(i => MathF.Sin(i))]);
        IReadOnlyList<LayerChange> changes = AdapterChange.Measure(adapter);
        Assert.Equal(4, changes.Count);
        Dictionary<string, float[]> before = Values(decoder, null), after = Values(decoder, adapter);
        foreach (LayerChange change in changes)
        {
            float[] old = before[$"{change.Path}.weight"], merged = after[$"{change.Path}.weight"];
            Assert.Equal(Norm(old.Zip(merged, (a, b) => (double)b - a)), change.BranchNorm, 1e-3);
            Assert.Equal(Norm(old.Select(value => (double)value)), change.WeightNorm, 1e-4);
            Assert.Equal(change.BranchNorm / change.WeightNorm, change.Ratio);
        }
    }

    private static double Norm(IEnumerable<double> values) => Math.Sqrt(values.Sum(value => value * value));

    private static Dictionary<string, float[]> Values(Decoder decoder, LoraAdapter? adapter) =>
        AdapterMerge.Weights(decoder, adapter).ToDictionary(weight => weight.Name, weight => MemoryMarshal.Cast<byte, float>(Bytes(weight, ElementType.F32)).ToArray());

    private static byte[] Bytes(MergedWeight weight, ElementType type)
    {
        using var stream = new MemoryStream();
        weight.ToSource(type).Write(stream);
        return stream.ToArray();
    }

    private static ReadOnlySpan<ushort> Halves(byte[] bytes) => MemoryMarshal.Cast<byte, ushort>(bytes);

    /// <summary>The base in bf16, as the reference merged it.</summary>
    private static Decoder NarrowBase(ModelGolden golden)
    {
        TestKit.TemporaryFolder folder = golden.NewFolder();
        SafetensorsWriter.Write(
            folder.File("model.safetensors"), AdapterMerge.Weights(golden.Load("tiny/llama"), null).Select(weight => weight.ToSource(ElementType.BF16)),
            SafetensorsWriter.PyTorch);
        File.Copy(Path.Combine(ModelGolden.FolderOf("tiny/llama"), "config.json"), folder.File("config.json"));
        return golden.LoadFrom(folder.Path);
    }
}
