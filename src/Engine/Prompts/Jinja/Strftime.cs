using System.Globalization;
using System.Text;

namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>Dates by the codes of strftime, with English names.</summary>
internal static class Strftime
{
    public static string Format(DateTime now, string format)
    {
        var text = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                text.Append(format[i]);
                continue;
            }

            // %-d and its like drop the zeros in front.
            bool bare = format[i + 1] == '-' && i + 2 < format.Length;
            i += bare ? 2 : 1;
            string field = Field(now, format[i]);
            text.Append(bare && field.Length > 1 ? field.TrimStart('0') is { Length: > 0 } trimmed ? trimmed : "0" : field);
        }

        return text.ToString();
    }

    private static string Field(DateTime now, char code) => code switch
    {
        'Y' => Net(now, "yyyy"),
        'y' => Net(now, "yy"),
        'm' => Net(now, "MM"),
        'd' => Net(now, "dd"),
        'e' => now.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
        'b' or 'h' => Net(now, "MMM"),
        'B' => Net(now, "MMMM"),
        'a' => Net(now, "ddd"),
        'A' => Net(now, "dddd"),
        'H' => Net(now, "HH"),
        'I' => Net(now, "hh"),
        'M' => Net(now, "mm"),
        'S' => Net(now, "ss"),
        'f' => Net(now, "ffffff"),
        'p' => Net(now, "tt"),
        'j' => now.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
        'w' => ((int)now.DayOfWeek).ToString(CultureInfo.InvariantCulture),
        'u' => (now.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)now.DayOfWeek).ToString(CultureInfo.InvariantCulture),
        'D' or 'x' => Net(now, "MM/dd/yy"),
        'F' => Net(now, "yyyy-MM-dd"),
        'T' or 'X' => Net(now, "HH:mm:ss"),
        'R' => Net(now, "HH:mm"),
        'c' => $"{Net(now, "ddd MMM")} {now.Day,2} {Net(now, "HH:mm:ss yyyy")}",
        'n' => "\n",
        't' => "\t",
        'z' or 'Z' => "",
        '%' => "%",
        _ => "%" + code,
    };

    private static string Net(DateTime now, string format) => now.ToString(format, CultureInfo.InvariantCulture);
}
