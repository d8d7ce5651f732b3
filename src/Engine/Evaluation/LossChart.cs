using System.Text;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>The loss curve as an inline drawing: a thin line of training losses, a strong one with dots for the evaluations.</summary>
internal static class LossChart
{
    private const int Width = 760, Height = 300, Left = 52, Right = 16, Top = 14, Bottom = 40;

    /// <summary>More points than this are drawn as means of equal stretches: a screen shows no more.</summary>
    private const int MaximumPoints = 400;

    public static string Render(LossCurve curve)
    {
        List<LossPoint> train = Thin(curve.Train);
        List<LossPoint> all = [.. train, .. curve.Eval];
        var x = new ChartScale(all.Min(point => point.Step), all.Max(point => point.Step), marks: 8, counts: true);
        var y = new ChartScale(all.Min(point => point.Loss), all.Max(point => point.Loss));
        string X(double step) => Html.Coordinate(x.Place(step, Left, Width - Right));
        string Y(double loss) => Html.Coordinate(y.Place(loss, Height - Bottom, Top));

        var svg = new StringBuilder($"""<svg viewBox="0 0 {Width} {Height}" role="img" aria-label="Loss by optimizer step">""").Append('\n');
        foreach (double mark in y.Marks)
        {
            svg.Append($"""<line class="grid" x1="{Left}" x2="{Width - Right}" y1="{Y(mark)}" y2="{Y(mark)}"/>""");
            svg.Append($"""<text class="tick end" x="{Left - 8}" y="{Y(mark)}" dy="0.32em">{y.Label(mark)}</text>""").Append('\n');
        }

        foreach (double mark in x.Marks)
        {
            svg.Append($"""<text class="tick middle" x="{X(mark)}" y="{Height - Bottom + 18}">{x.Label(mark)}</text>""").Append('\n');
        }

        svg.Append($"""<text class="axis middle" x="{(Left + Width - Right) / 2}" y="{Height - 4}">optimizer step</text>""").Append('\n');
        Line(svg, "train", train, X, Y);
        Line(svg, "eval", curve.Eval, X, Y);
        foreach (LossPoint point in curve.Eval)
        {
            svg.Append($"""<circle class="eval" cx="{X(point.Step)}" cy="{Y(point.Loss)}" r="3.5"><title>step {Html.Coordinate(point.Step)}: {Html.Number(point.Loss, 4)}</title></circle>""").Append('\n');
        }

        return svg.Append("</svg>\n").ToString();
    }

    private static void Line(StringBuilder svg, string style, IReadOnlyList<LossPoint> points, Func<double, string> x, Func<double, string> y)
    {
        if (points.Count > 1)
        {
            svg.Append($"""<polyline class="{style}" points="{string.Join(' ', points.Select(point => $"{x(point.Step)},{y(point.Loss)}"))}"/>""").Append('\n');
        }
    }

    private static List<LossPoint> Thin(IReadOnlyList<LossPoint> points)
    {
        int stretch = (points.Count + MaximumPoints - 1) / MaximumPoints;
        return stretch <= 1 ? [.. points]
            : [.. points.Chunk(stretch).Select(part => new LossPoint(part.Average(point => point.Step), part.Average(point => point.Loss)))];
    }
}
