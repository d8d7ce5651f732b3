using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Evaluation;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tests.Generation;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Evaluation;

public sealed class SequenceScoreTests(TinyDecoder tiny) : IClassFixture<TinyDecoder>
{
    private static readonly int[] Ids = [5, 600, 7, 80, 900, 7];

    [Fact]
    public void The_sum_is_the_loss_of_the_whole_sequence()
    {
        SequenceScore score = SequenceScore.Measure(tiny.Decoder, Ids);
        BatchLoss loss = tiny.Decoder.Evaluate(PackedBatch.FromExamples(new TokenizedExample(Ids, Ids)));
        Assert.Equal(Ids.Length - 1, score.Nll.Count);
        Assert.Equal(loss.LossSum, score.Nll.Sum(), 4);
        Assert.Equal(loss.LossSum / 5, score.Mean, 4);
        Assert.Equal(Math.Exp(score.Mean), score.Perplexity);
        Assert.Empty(score.Top);
    }

    [Fact]
    public void The_likeliest_tokens_come_best_first_and_their_chances_are_those_of_the_sequence()
    {
        SequenceScore score = SequenceScore.Measure(tiny.Decoder, Ids, top: TinyModel.VocabSize);
        Assert.Equal(Ids.Length, score.Top.Count);
        for (int i = 0; i < Ids.Length; i++)
        {
            Assert.Equal(1, score.Top[i].Sum(chance => Math.Exp(chance.LogProbability)), 6);
            Assert.True(score.Top[i].Zip(score.Top[i].Skip(1)).All(pair => pair.First.LogProbability >= pair.Second.LogProbability));
            if (i + 1 < Ids.Length)
            {
                Assert.Equal(-score.Nll[i], score.Top[i].Single(chance => chance.Id == Ids[i + 1]).LogProbability);
            }
        }
    }

    [Fact]
    public void The_scores_of_all_tokens_are_written_with_the_ids()
    {
        string path = tiny.File("logits.safetensors");
        SequenceScore.WriteLogits(path, tiny.Decoder, Ids);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        float[] expected = new float[TinyModel.VocabSize];
        tiny.Decoder.Logits(PackedBatch.FromExamples(new TokenizedExample(Ids, Ids)), [4], expected);
        using var logits = tiny.Decoder.Backend.Load(file.Tensors.Find("logits")!);
        float[] actual = new float[TinyModel.VocabSize];
        tiny.Decoder.Backend.Read(logits, actual, 4L * TinyModel.VocabSize);
        Assert.Equal(expected, actual);
        Assert.Equal("(6)", file.Tensors.Find("ids")!.Shape.ToString());
    }

    [Fact]
    public void A_single_token_has_nothing_to_predict()
    {
        SequenceScore score = SequenceScore.Measure(tiny.Decoder, [5]);
        Assert.Empty(score.Nll);
        Assert.True(double.IsNaN(score.Mean));
    }

    [Fact]
    public void Ids_that_the_model_does_not_have_are_FT0001_and_too_many_are_FT1006()
    {
        Assert.Equal(Codes.BadSetting, Assert.Throws<FineTuneException>(() => SequenceScore.Measure(tiny.Decoder, [5, TinyModel.VocabSize])).Diagnostic.Code);
        Assert.Equal(Codes.PromptTooLong, Assert.Throws<FineTuneException>(() => SequenceScore.Measure(tiny.Decoder, new int[513])).Diagnostic.Code);
    }
}
