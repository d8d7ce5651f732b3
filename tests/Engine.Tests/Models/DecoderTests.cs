using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Tests.Models;

public class DecoderTests
{
    private static readonly LoraSettings Lora = new() { Rank = 4, Alpha = 8, Dropout = 0.25 };

    [Fact]
    public void Two_threads_give_the_same_bits_as_one()
    {
        (BatchLoss oneLoss, float[] one) = Run(1);
        (BatchLoss twoLoss, float[] two) = Run(2);
        Assert.Equal(oneLoss, twoLoss);
        Assert.Equal(one, two);

        static (BatchLoss Loss, float[] Gradients) Run(int threads)
        {
            using var model = new TinyModel();
            Decoder decoder = model.Load(threads);
            using LoraAdapter adapter = LoraAdapter.Create(decoder, Lora, seed: 1);
            float[] gradients = new float[adapter.Parameters!.Count];
            adapter.Parameters.WriteValues([.. Enumerable.Range(0, gradients.Length).Select(i => 0.1f * MathF.Sin(i))]);
            decoder.ActiveAdapter = adapter;
            BatchLoss loss = decoder.ForwardBackward(TinyModel.Batch(), 9, 4);
            adapter.Parameters.ReadGradients(gradients);
            return (loss, gradients);
        }
    }

    [Fact]
    public void Noise_on_the_embedded_tokens_is_uniform_by_document_and_of_training_alone()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        decoder.TrainAllWeights();
        BatchLoss plain = decoder.ForwardBackward(TinyModel.Batch(), 1, 1);
        decoder.EmbeddingNoiseAlpha = 5;
        Assert.Equal(plain, decoder.Evaluate(TinyModel.Batch()));
        BatchLoss noisy = decoder.ForwardBackward(TinyModel.Batch(), 1, 1);
        Assert.NotEqual(plain, noisy);
        Assert.Equal(noisy, decoder.ForwardBackward(TinyModel.Batch(), 1, 1));
        Assert.NotEqual(noisy, decoder.ForwardBackward(TinyModel.Batch(), 1, 2));
        Assert.NotEqual(noisy, decoder.ForwardBackward(TinyModel.Batch(), 2, 1));
    }

    [Fact]
    public void A_second_backward_pass_adds_to_the_gradients()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        decoder.TrainAllWeights();
        float[] once = new float[decoder.Trainable.Count], twice = new float[decoder.Trainable.Count];
        BatchLoss loss = decoder.ForwardBackward(TinyModel.Batch(), 0, 0);
        decoder.Trainable.ReadGradients(once);
        Assert.Equal(loss, decoder.ForwardBackward(TinyModel.Batch(), 0, 1));
        decoder.Trainable.ReadGradients(twice);
        ModelGolden.Near([.. once.Select(value => 2 * value)], twice, 1e-4, "gradients of two passes");
    }

    [Fact]
    public void Training_all_weights_begins_where_the_file_ends()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        float[] before = ModelGolden.Logits(decoder, TinyModel.Batch());
        decoder.TrainAllWeights();
        Assert.Equal(before, ModelGolden.Logits(decoder, TinyModel.Batch()));
        Assert.Equal(model.Tensors.Keys.Order(), decoder.Trainable.Parameters.Select(parameter => parameter.Name).Order());
        Assert.Equal(
            decoder.Trainable.Parameters.Where(parameter => parameter.Name.Contains("norm") || parameter.Name.EndsWith("bias")),
            decoder.Trainable.Parameters.Where(parameter => !parameter.Decays));
    }

    [Fact]
    public void Dropout_follows_seed_and_stream_and_is_off_in_evaluation()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        using LoraAdapter adapter = LoraAdapter.Create(decoder, Lora, seed: 1);
        adapter.Parameters!.WriteValues([.. Enumerable.Range(0, (int)adapter.Parameters.Count).Select(i => 0.1f * MathF.Sin(i))]);
        decoder.ActiveAdapter = adapter;
        double first = decoder.ForwardBackward(TinyModel.Batch(), 1, 1).LossSum;
        Assert.Equal(first, decoder.ForwardBackward(TinyModel.Batch(), 1, 1).LossSum);
        Assert.NotEqual(first, decoder.ForwardBackward(TinyModel.Batch(), 1, 2).LossSum);
        Assert.NotEqual(first, decoder.ForwardBackward(TinyModel.Batch(), 2, 1).LossSum);
        double evaluated = decoder.Evaluate(TinyModel.Batch()).LossSum;
        Assert.NotEqual(first, evaluated);
        Assert.Equal(evaluated, decoder.Evaluate(TinyModel.Batch()).LossSum);
    }

    [Fact]
    public void A_batch_without_targets_has_no_loss_and_no_gradient()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        decoder.TrainAllWeights();
        PackedBatch batch = PackedBatch.FromExamples(new TokenizedExample([1, 2, 3], [1, TokenizedExample.Ignored, TokenizedExample.Ignored]));
        Assert.Equal(default, decoder.ForwardBackward(batch, 0, 0));
        Assert.Equal(default, decoder.Evaluate(batch));
        Assert.Equal(0, decoder.Backend.SumOfSquares(decoder.Trainable.Gradients));
    }

    [Fact]
    public void Only_one_thing_is_trained_at_a_time()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load();
        using LoraAdapter adapter = LoraAdapter.Create(decoder, Lora, seed: 1);
        decoder.ActiveAdapter = adapter;
        Assert.Throws<InvalidOperationException>(decoder.TrainAllWeights);
        decoder.ActiveAdapter = null;
        decoder.TrainAllWeights();
        Assert.Throws<InvalidOperationException>(() => decoder.ActiveAdapter = adapter);
    }

    [Fact]
    public void An_adapter_of_another_decoder_is_refused()
    {
        using var model = new TinyModel();
        Decoder decoder = model.Load(), other = model.LoadFrom(model.Folder);
        using LoraAdapter adapter = LoraAdapter.Create(decoder, Lora, seed: 1);
        Assert.Throws<ArgumentException>(() => other.ActiveAdapter = adapter);
    }

    [Fact]
    public void A_model_in_a_GGUF_file_is_the_model_in_the_folder()
    {
        using var model = new TinyModel();
        Decoder folder = model.Load(), gguf = model.LoadFrom(model.WriteGguf());
        Assert.Equal(folder.Spec with { SlidingWindows = gguf.Spec.SlidingWindows }, gguf.Spec);
        Assert.Equal(ModelGolden.Logits(folder, TinyModel.Batch()), ModelGolden.Logits(gguf, TinyModel.Batch()));
    }

    [Fact]
    public void Rows_return_to_their_places()
    {
        using var model = new TinyModel();
        StoredTensor weight = model.Tensors["model.layers.0.self_attn.q_proj.weight"];
        StoredTensor moved = RotaryRows.ToNeighbours(weight, 3);
        Assert.True(moved.Row(7).SequenceEqual(weight.Row(9)), "row 2·0+1 of the second head is row 0+3 of the other order");
        Assert.True(RotaryRows.ToHalves(moved, 3).Span.SequenceEqual(weight.Span));
    }
}
