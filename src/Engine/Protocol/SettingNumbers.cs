using System.Globalization;

namespace FineTuneTool.Engine.Protocol;

/// <summary>Numbers as people write them in a project file: <c>2e-4</c>, <c>0.05</c>, <c>16</c>; no thousands marks, whatever the culture.</summary>
public static class SettingNumbers
{
    public static double? Number(string text) =>
        double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double value)
        && double.IsFinite(value) ? value : null;

    public static long? Integer(string text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) ? value : null;

    /// <summary>An amount of memory above 0: bytes, or a number with KiB, MiB or GiB, such as <c>1.5GiB</c>; null for anything else.</summary>
    public static long? Bytes(string text)
    {
        foreach ((string unit, long size) in (ReadOnlySpan<(string, long)>)[("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("", 1)])
        {
            if (text.EndsWith(unit, StringComparison.OrdinalIgnoreCase))
            {
                string number = text[..^unit.Length].TrimEnd();
                double? bytes = size == 1 ? Integer(number) : Number(number) * size;
                return bytes is >= 1 and <= 1L << 60 ? (long)bytes : null;
            }
        }

        return null;
    }

    /// <summary>The shortest text that gives the same number, so that 2e-4 and 0.0002 make the same key.</summary>
    public static string Normalise(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
