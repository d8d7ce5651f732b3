using System.Globalization;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>A linear axis with round marks.</summary>
internal sealed class ChartScale
{
    private readonly double _step;

    /// <param name="marks">About how many.</param>
    /// <param name="counts">The axis counts whole things and ends with the values; otherwise it goes on to the next mark.</param>
    public ChartScale(double minimum, double maximum, int marks = 5, bool counts = false)
    {
        if (maximum - minimum < 1e-9)
        {
            double pad = Math.Max(Math.Abs(minimum) * 0.05, 1e-3);
            (minimum, maximum) = (minimum - pad, maximum + pad);
        }

        _step = RoundStep((maximum - minimum) / marks);
        if (counts)
        {
            _step = Math.Max(_step, 1);
            (Minimum, Maximum) = (minimum, maximum);
        }
        else
        {
            Minimum = Math.Floor((minimum / _step) + 1e-9) * _step;
            Maximum = Math.Ceiling((maximum / _step) - 1e-9) * _step;
        }
    }

    public double Minimum { get; }

    public double Maximum { get; }

    public IEnumerable<double> Marks
    {
        get
        {
            double first = Math.Ceiling((Minimum / _step) - 1e-9), last = Math.Floor((Maximum / _step) + 1e-9);
            for (double i = first; i <= last; i++)
            {
                yield return (i * _step) + 0.0;
            }
        }
    }

    /// <summary>Where a value lies between <paramref name="from"/> (the minimum) and <paramref name="to"/>.</summary>
    public double Place(double value, double from, double to) => from + ((value - Minimum) / (Maximum - Minimum) * (to - from));

    /// <summary>A mark in as many places as the step needs.</summary>
    public string Label(double mark)
    {
        int decimals = Math.Clamp((int)Math.Ceiling(-Math.Log10(_step) - 1e-9), 0, 8);
        return mark.ToString("F" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
    }

    private static double RoundStep(double raw)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        double lead = raw / power;
        return power * (lead <= 1.0001 ? 1 : lead <= 2.0001 ? 2 : lead <= 5.0001 ? 5 : 10);
    }
}
