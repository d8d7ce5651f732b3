using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Evaluation;
using FineTuneTool.Engine.Tests.Generation;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Evaluation;

public sealed class DatasetEvaluationTests(TinyDecoder tiny) : IClassFixture<TinyDecoder>
{
    [Fact]
    public void Means_are_over_supervised_tokens_whatever_the_packing()
    {
        TokenizedExample[] rows = [Row([1, 2, 3, 4, 5, 6], from: 3), Row([7, 8, 9], from: 1), Row([20, 21, 22, 23, 24, 25, 26, 27, 28], from: 6), Row([30, 31], from: 2)];
        double sum = 0;
        int count = 0;
        foreach (TokenizedExample row in rows)
        {
            SequenceScore score = SequenceScore.Measure(tiny.Decoder, row.Ids);
            for (int i = 1; i < row.Ids.Length; i++)
            {
                if (row.Labels[i] != TokenizedExample.Ignored)
                {
                    sum += score.Nll[i - 1];
                    count++;
                }
            }
        }

        foreach (int maxTokens in new[] { 1, 9, 12, 100 })
        {
            EvaluationMetrics metrics = DatasetEvaluation.Measure(tiny.Decoder, rows, maxTokens, NullEventSink.Instance, "validation");
            Assert.Equal((count, rows.Length), ((int)metrics.SupervisedTokens, metrics.Rows));
            Assert.Equal(sum / count, metrics.Loss, 4);
            Assert.Equal(Math.Exp(metrics.Loss), metrics.Perplexity);
        }
    }

    [Fact]
    public void Accuracy_counts_tokens_that_the_model_would_have_said()
    {
        SequenceScore first = SequenceScore.Measure(tiny.Decoder, [5, 6, 7], top: 1);
        int said = first.Top[2][0].Id;
        TokenizedExample right = new([5, 6, 7, said], [-100, -100, -100, said]), wrong = new([5, 6, 7, said ^ 1], [-100, -100, -100, said ^ 1]);
        Assert.Equal(0.5, DatasetEvaluation.Measure(tiny.Decoder, [right, wrong], 64, NullEventSink.Instance, "test").TokenAccuracy);
    }

    [Fact]
    public void Progress_reaches_its_total()
    {
        var events = new RecordingEvents();
        DatasetEvaluation.Measure(tiny.Decoder, [Row([1, 2, 3], 1), Row([4, 5, 6], 1)], 3, events, "validation");
        Assert.Equal([new ProgressEvent("validation", 1, 2), new ProgressEvent("validation", 2, 2)], events.Events);
    }

    [Fact]
    public void Rows_without_a_supervised_token_are_FT0106()
    {
        Assert.Equal(Codes.EmptySplit, Assert.Throws<FineTuneException>(() => Measure([Row([1, 2, 3], from: 3)])).Diagnostic.Code);
        Assert.Equal(Codes.EmptySplit, Assert.Throws<FineTuneException>(() => Measure([])).Diagnostic.Code);
    }

    private void Measure(TokenizedExample[] rows) => DatasetEvaluation.Measure(tiny.Decoder, rows, 64, NullEventSink.Instance, "validation");

    private static TokenizedExample Row(int[] ids, int from) => new(ids, [.. ids.Select((id, i) => i < from ? TokenizedExample.Ignored : id)]);
}
