using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Speed;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Speed;

public sealed class TrainingWorkTests : IDisposable
{
    private const int Hidden = 32, Intermediate = 48, Keys = 16, Layers = 2, Rank = 4;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SharedFact("models/SmolLM2-135M-Instruct.Q4_1.gguf")]
    public void SmolLM2_takes_what_the_formula_says_by_hand()
    {
        using var backend = CpuBackend.Create(1);
        using ModelFiles files = ModelFiles.Open(Paths.SmolLm2);
        using Decoder decoder = Decoder.Load(files, backend);
        using LoraAdapter adapter = LoraAdapter.Create(decoder, new LoraSettings { Rank = 16, Alpha = 32 }, seed: 1);
        decoder.ActiveAdapter = adapter;
        TrainingWork work = TrainingWork.Of(decoder, PackedBatch.FromExamples(Document(512), Document(512)));

        // 30 layers of 576 × (576 + 192 + 192 + 576) + 3 × 576 × 1,536 weights; 49,152 × 576 in the head, which the last token of a document does not reach.
        Assert.Equal(4 * 106_168_320.0, work.Frozen);
        Assert.Equal(4 * 28_311_552.0 * 511 / 512, work.Head);
        Assert.Equal(6 * 16 * 305_280.0, work.LowRank);
        Assert.Equal(3.5 * 2 * 512 * 576 * 30, work.Attention);
        Assert.Equal(0.54e9, work.Frozen + work.Head, 0.005e9);
        Assert.Equal(0.629e9, work.PerToken, 0.001e9);
    }

    [Fact]
    public void Attention_grows_with_the_squares_of_document_lengths_and_the_head_with_the_supervised_share()
    {
        using Decoder decoder = TinyDecoder(CpuBackend.Create(1));
        TrainingWork one = TrainingWork.Of(decoder, PackedBatch.FromExamples(Document(64)));
        TrainingWork four = TrainingWork.Of(decoder, PackedBatch.FromExamples(Document(16), Document(16), Document(16), Document(16)));
        TrainingWork half = TrainingWork.Of(decoder, PackedBatch.FromExamples(Document(64, firstLearnt: 33)));
        Assert.Equal(one.Attention, 4 * four.Attention);
        Assert.Equal(one.Frozen, four.Frozen);
        Assert.Equal(4.0 * TestKit.TinyModel.VocabSize * Hidden * 31 / 64, half.Head);
        Assert.Equal(0, one.LowRank);
    }

    [Fact]
    public void The_operations_of_a_step_add_up_to_its_work()
    {
        using var backend = new TimedBackend(CpuBackend.Create(1));
        using Decoder decoder = TinyDecoder(backend);
        using LoraAdapter adapter = LoraAdapter.Create(decoder, new LoraSettings { Rank = Rank, Alpha = 8 }, seed: 1);
        decoder.ActiveAdapter = adapter;
        PackedBatch batch = PackedBatch.FromExamples(Document(24, firstLearnt: 10), Document(7));
        backend.Reset();
        decoder.ForwardBackward(batch, 1, 1);

        // The inputs of the lowest query, key and value projection have no gradient: nothing below them is trained.
        double leftOut = 2.0 * batch.Tokens * ((Hidden + 2 * Keys) * Hidden + 3 * Rank * Hidden);
        Assert.Equal(TrainingWork.Of(decoder, batch).PerToken * batch.Tokens, backend.Times.Sum(time => time.Flops) + leftOut, 1e-3);
        Assert.All(backend.Times, time => Assert.True(time.Seconds >= 0 && time.Calls > 0));
        Assert.Equal(7 * Layers, backend.Times.Single(time => time.Operation == nameof(Backend.LinearBackward)).Calls);
    }

    [Fact]
    public void A_window_bounds_the_pairs_of_attention()
    {
        var whole = new AttentionShape(4, 2, 8, 1);
        Assert.Equal(4.0 * 4 * 8 * (100 * 100 / 2), OperationFlops.Attention(100, whole));
        Assert.Equal(4.0 * 4 * 8 * (100 * 10 - 10 * 10 / 2), OperationFlops.Attention(100, whole with { Window = 10 }));
        Assert.Equal(OperationFlops.Attention(100, whole), OperationFlops.Attention(100, whole with { Window = 200 }));
        Assert.Equal(OperationFlops.Attention(100, whole), OperationFlops.Attention(60, whole) + OperationFlops.CachedAttention(40, 60, whole));
    }

    private Decoder TinyDecoder(Backend backend) => Decoder.Load(ModelFiles.Open(TestKit.TinyModel.Write(_folder["tiny"])), backend);

    private static TokenizedExample Document(int length, int firstLearnt = 0) =>
        new([.. Enumerable.Range(1, length)], [.. Enumerable.Range(1, length).Select((id, i) => i < firstLearnt ? TokenizedExample.Ignored : id)]);
}
