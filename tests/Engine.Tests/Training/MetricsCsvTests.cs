using System.Globalization;
using FineTuneTool.Engine.Training;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Training;

public class MetricsCsvTests
{
    [Fact]
    public void The_columns_are_those_that_tools_expect()
    {
        using var folder = new TemporaryFolder();
        MetricsCsv.Open(folder.File("metrics.csv"), 0).Dispose();
        Assert.Equal("step,epoch,loss,eval_loss,learning_rate,grad_norm,tokens,tokens_per_second,token_accuracy\n", File.ReadAllText(folder.File("metrics.csv")));
    }

    [Fact]
    public void Numbers_come_back_bit_for_bit_in_any_culture()
    {
        CultureInfo culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("de-DE");
            using var folder = new TemporaryFolder();
            MetricsRow[] rows = [Row(1) with { Loss = 0.1 + 0.2, LearningRate = 2e-5, GradNorm = 1e300 }, Row(2) with { Loss = null, EvalLoss = 1 / 3.0 }];
            Write(folder, rows);
            Assert.Equal(rows, MetricsCsv.Read(folder.File("metrics.csv")));
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    [Fact]
    public void Lines_after_the_step_of_the_checkpoint_are_cut()
    {
        using var folder = new TemporaryFolder();
        Write(folder, Row(5), Row(10), Row(15));
        using (MetricsCsv csv = MetricsCsv.Open(folder.File("metrics.csv"), lastStep: 10))
        {
            csv.Append(Row(15) with { Loss = 7 });
        }

        Assert.Equal([Row(5), Row(10), Row(15) with { Loss = 7 }], MetricsCsv.Read(folder.File("metrics.csv")));
    }

    [Fact]
    public void A_half_written_line_is_cut_even_where_it_looks_like_an_early_step()
    {
        using var folder = new TemporaryFolder();
        Write(folder, Row(5));
        File.AppendAllText(folder.File("metrics.csv"), "1");
        MetricsCsv.Open(folder.File("metrics.csv"), lastStep: 5).Dispose();
        Assert.Equal([Row(5)], MetricsCsv.Read(folder.File("metrics.csv")));
        Assert.EndsWith("\n", File.ReadAllText(folder.File("metrics.csv")));
    }

    private static MetricsRow Row(long step) => new(step, step / 4.0, 2.5, null, 1e-4, 0.75, step * 100, 321.5, 0.5);

    private static void Write(TemporaryFolder folder, params MetricsRow[] rows)
    {
        using MetricsCsv csv = MetricsCsv.Open(folder.File("metrics.csv"), 0);
        foreach (MetricsRow row in rows)
        {
            csv.Append(row);
        }
    }
}
