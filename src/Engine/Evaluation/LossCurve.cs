using System.Globalization;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>A loss at an optimizer step.</summary>
public readonly record struct LossPoint(double Step, double Loss);

/// <summary>The losses of a training run, as its metrics.csv tells them (columns step, loss, eval_loss; cells may be empty).</summary>
public sealed record LossCurve(IReadOnlyList<LossPoint> Train, IReadOnlyList<LossPoint> Eval)
{
    public static readonly LossCurve Empty = new([], []);

    public static LossCurve Read(string metricsCsv)
    {
        using IEnumerator<string> lines = File.ReadLines(metricsCsv).GetEnumerator();
        if (!lines.MoveNext())
        {
            return Empty;
        }

        string[] columns = lines.Current.Split(',');
        int step = Array.IndexOf(columns, "step"), loss = Array.IndexOf(columns, "loss"), evalLoss = Array.IndexOf(columns, "eval_loss");
        List<LossPoint> train = [], eval = [];
        while (lines.MoveNext())
        {
            string[] cells = lines.Current.Split(',');
            if (Number(cells, step) is { } at)
            {
                Add(train, at, Number(cells, loss));
                Add(eval, at, Number(cells, evalLoss));
            }
        }

        return new LossCurve(train, eval);
    }

    private static void Add(List<LossPoint> points, double step, double? loss)
    {
        if (loss is { } value)
        {
            points.Add(new LossPoint(step, value));
        }
    }

    private static double? Number(string[] cells, int column) =>
        column >= 0 && column < cells.Length
        && double.TryParse(cells[column], NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) ? value : null;
}
