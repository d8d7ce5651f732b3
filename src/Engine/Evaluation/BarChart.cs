using System.Text;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>Upright bars with percent marks, as an inline drawing.</summary>
internal static class BarChart
{
    private const int Width = 760, Height = 200, Left = 52, Right = 16, Top = 12, Bottom = 40;

    /// <param name="bars">Labels and shares (0.01 = 1 %).</param>
    public static string Render(string title, string axis, IReadOnlyList<(string Label, double Share)> bars)
    {
        var scale = new ChartScale(0, Math.Max(bars.Max(bar => bar.Share) * 100, 1e-6), 4);
        string Y(double percent) => Html.Coordinate(scale.Place(percent, Height - Bottom, Top));
        double slot = (double)(Width - Left - Right) / bars.Count, width = Math.Min(slot * 0.72, 44);
        int every = Math.Max(1, (int)Math.Ceiling(bars.Max(bar => bar.Label.Length) * 7.5 / slot));

        var svg = new StringBuilder($"""<svg viewBox="0 0 {Width} {Height}" role="img" aria-label="{Html.Escape(title)}">""").Append('\n');
        foreach (double mark in scale.Marks)
        {
            svg.Append($"""<line class="grid" x1="{Left}" x2="{Width - Right}" y1="{Y(mark)}" y2="{Y(mark)}"/>""");
            svg.Append($"""<text class="tick end" x="{Left - 8}" y="{Y(mark)}" dy="0.32em">{scale.Label(mark)} %</text>""").Append('\n');
        }

        for (int i = 0; i < bars.Count; i++)
        {
            (string label, double share) = bars[i];
            double middle = Left + (slot * (i + 0.5)), top = scale.Place(share * 100, Height - Bottom, Top);
            svg.Append($"""<rect class="bar" x="{Html.Coordinate(middle - (width / 2))}" y="{Html.Coordinate(top)}" width="{Html.Coordinate(width)}" height="{Html.Coordinate(Height - Bottom - top)}">""");
            svg.Append($"<title>{Html.Escape(label)}: {Html.Percent(share, 3)}</title></rect>");
            if (i % every == 0)
            {
                svg.Append($"""<text class="tick middle" x="{Html.Coordinate(middle)}" y="{Height - Bottom + 18}">{Html.Escape(label)}</text>""");
            }

            svg.Append('\n');
        }

        svg.Append($"""<text class="axis middle" x="{(Left + Width - Right) / 2}" y="{Height - 4}">{Html.Escape(axis)}</text>""").Append('\n');
        return svg.Append("</svg>\n").ToString();
    }
}
