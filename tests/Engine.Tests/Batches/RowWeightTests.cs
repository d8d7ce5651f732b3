using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tests.Models;

namespace FineTuneTool.Engine.Tests.Batches;

public sealed class RowWeightTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weights").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Weights_and_places_come_back_as_they_were_written()
    {
        string path = Path.Combine(_folder, "train.tokens");
        TokenizedExample[] rows =
        [
            new([1, 2, 3], [-100, 2, 3]), new([4, 5], [-100, 5]) { Weights = [0, 0.25f] }, new([6, 7, 8], [6, 7, 8]),
        ];
        using (var writer = new TokenizedDatasetWriter(path))
        {
            for (int i = 0; i < rows.Length; i++)
            {
                writer.Add(rows[i], new(i < 2 ? "data/a.jsonl" : "data/b.jsonl", i + 10));
            }

            writer.Complete();
        }

        Assert.Equal(["train.tokens"], Directory.GetFiles(_folder).Select(Path.GetFileName));
        using TokenizedDataset dataset = TokenizedDataset.Open(path);
        Assert.Equal([1f, 1f, 1f], dataset[0].Weights!);
        Assert.Equal([0f, 0.25f], dataset[1].Weights!);
        Assert.Equal([1f, 1f, 1f], dataset[2].Weights!);
        Assert.Equal([("data/a.jsonl", 10), ("data/a.jsonl", 11), ("data/b.jsonl", 12)], Enumerable.Range(0, 3).Select(i => (dataset.PlaceOf(i).File!, dataset.PlaceOf(i).Line)));
    }

    [Fact]
    public void A_weighted_loss_and_its_gradient_are_the_weighted_sums_of_those_of_the_rows()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        decoder.TrainAllWeights();
        TokenizedExample first = new([3, 9, 4, 11, 6], [-100, 9, 4, 11, 6]), second = new([5, 2, 8, 7], [-100, -100, 8, 7]);
        (BatchLoss a, float[] gradientA) = Run(decoder, first);
        (BatchLoss b, float[] gradientB) = Run(decoder, second);
        (BatchLoss both, float[] gradient) = Run(decoder, first with { Weights = [0, 0.5f, 0.5f, 0.5f, 0.5f] }, second with { Weights = [0, 0, 3, 3] });
        Assert.Equal((0.5 * a.LossSum) + (3 * b.LossSum), both.LossSum, 4);
        Assert.Equal((6, 0.5 * 4 + 3 * 2), (both.SupervisedTokens, both.WeightSum));
        double scale = gradient.Max(Math.Abs);
        for (int i = 0; i < gradient.Length; i++)
        {
            Assert.Equal((0.5 * gradientA[i]) + (3 * gradientB[i]), gradient[i], 2e-5 * Math.Max(1, scale));
        }
    }

    private static (BatchLoss Loss, float[] Gradient) Run(Decoder decoder, params TokenizedExample[] rows)
    {
        decoder.Trainable.ZeroGradients();
        BatchLoss loss = decoder.ForwardBackward(PackedBatch.FromExamples(rows), 1, 1);
        float[] gradient = new float[decoder.Trainable.Gradients.Shape.Count];
        decoder.Backend.Read(decoder.Trainable.Gradients, gradient);
        return (loss, gradient);
    }
}
