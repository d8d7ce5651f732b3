using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Speed;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Speed;

public sealed class RandomModelTests : IDisposable
{
    private static readonly RandomModel Small = new("small", "small", HiddenSize: 64, IntermediateSize: 96, Layers: 2, Heads: 4, KeyValueHeads: 2, HeadDim: 16, VocabSize: 300, RopeTheta: 10_000);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_shape_becomes_a_model_that_can_be_trained_in_every_mode()
    {
        Small.Write(_folder["model"]);
        foreach (TrainingMode mode in TrainingMode.All)
        {
            using var backend = CpuBackend.Create(1, activationType: ElementType.BF16);
            using ModelFiles files = ModelFiles.Open(_folder["model"]);
            using Decoder decoder = mode.Load(files, backend);
            ElementType layers = mode == TrainingMode.NF4 ? ElementType.NF4 : ElementType.BF16;
            Assert.All(decoder.Linears, linear => Assert.Equal(layers, linear.Weight.Value.Type));
            Assert.Equal(Math.Log(Small.VocabSize), decoder.Evaluate(PackedBatch.FromExamples(new TokenizedExample([1, 2, 3, 4], [1, 2, 3, 4]))).LossSum / 3, 1.0);
        }
    }

    [Fact]
    public void The_weights_are_always_the_same_and_no_two_tensors_equal()
    {
        Small.Write(_folder["a"]);
        Small.Write(_folder["b"]);
        Assert.Equal(File.ReadAllBytes(Path.Combine(_folder["a"], "model.safetensors")), File.ReadAllBytes(Path.Combine(_folder["b"], "model.safetensors")));
        using ModelFiles files = ModelFiles.Open(_folder["a"]);
        string[] rows = [.. files.Tensors.Where(tensor => tensor.Shape.Rank > 1).Select(tensor => Convert.ToHexString(tensor.Row(0)))];
        Assert.Equal(rows.Length, rows.Distinct().Count());
    }

    [Fact]
    public void The_layers_of_the_1b_shape_have_as_many_weights_as_those_of_Llama_3_2_1B()
    {
        RandomModel shape = RandomModel.Find("1b")!;
        long attention = (long)shape.HiddenSize * shape.HeadDim * (2 * shape.Heads + 2 * shape.KeyValueHeads);
        Assert.Equal(973_078_528, shape.Layers * (attention + 3L * shape.HiddenSize * shape.IntermediateSize));
        Assert.Null(RandomModel.Find("2b"));
    }

    [Fact]
    public void Every_matrix_is_converted_where_a_file_holds_another_type()
    {
        using var backend = CpuBackend.Create(1, activationType: ElementType.BF16);
        using ModelFiles files = ModelFiles.Open(TestKit.TinyModel.Write(_folder["tiny"]));
        using Decoder decoder = TrainingMode.Plain.Load(files, backend);
        Assert.All(decoder.Weights.Where(weight => weight.Shape.Rank > 1), weight => Assert.Equal(ElementType.BF16, weight.Value.Type));
        Assert.Equal(TrainingMode.All, TrainingMode.For(files, ElementType.BF16));
        Assert.DoesNotContain(TrainingMode.Keep, TrainingMode.For(files, ElementType.F32));
        Assert.Equal("LoRA on the file, F32", TrainingMode.Keep.Title(files, ElementType.BF16));
    }
}
