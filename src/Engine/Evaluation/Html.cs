using System.Globalization;
using System.Text;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>Text and numbers made safe for a page, whatever a model or a file says.</summary>
internal static class Html
{
    /// <summary>Text for element content and for quoted attributes. Characters that no page may hold become U+FFFD.</summary>
    public static string Escape(string text)
    {
        var safe = new StringBuilder(text.Length + 16);
        foreach (Rune rune in text.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case '&': safe.Append("&amp;"); break;
                case '<': safe.Append("&lt;"); break;
                case '>': safe.Append("&gt;"); break;
                case '"': safe.Append("&quot;"); break;
                case '\'': safe.Append("&#39;"); break;
                case '\n' or '\t': safe.Append((char)rune.Value); break;
                case '\r': break;
                default: safe.Append(Rune.IsControl(rune) ? Rune.ReplacementChar.ToString() : rune.ToString()); break;
            }
        }

        return safe.ToString();
    }

    /// <summary>A coordinate of a drawing, to a tenth.</summary>
    public static string Coordinate(double value) => Math.Round(value, 1).ToString("0.#", CultureInfo.InvariantCulture);

    /// <summary>A number in a table: <paramref name="decimals"/> places, a dash where it is not finite.</summary>
    public static string Number(double value, int decimals = 3) =>
        double.IsFinite(value) ? value.ToString("F" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : "–";

    /// <summary>A count with its thousands apart.</summary>
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    public static string Percent(double share, int decimals = 1) => double.IsFinite(share) ? Number(share * 100, decimals) + " %" : "–";
}
