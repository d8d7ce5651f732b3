using System.Globalization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Evaluation;

/// <summary>Sums over pairs of score rows: how far a candidate is from the reference, and from the reference without its adapter.</summary>
internal sealed class ScoreDifference
{
    private long _rows, _sameTop;
    private double _error, _spread, _divergence, _adapter, _along;

    /// <summary>False once a score of the candidate is not a number.</summary>
    public bool IsFinite { get; private set; } = true;

    public double RelativeError => Math.Sqrt(_error / _spread);

    public double MaxError { get; private set; }

    public double Divergence => _divergence / _rows;

    public double SameTop => (double)_sameTop / _rows;

    /// <summary>Length of the candidate's way from the base along the adapter's way; null where the adapter moves nothing.</summary>
    public double? AdapterShare => _adapter > 0 ? _along / _adapter : null;

    /// <summary>Adds rows of scores (rows, V). Returns the largest difference in them.</summary>
    public double Add(float[] reference, float[] candidate, float[]? withoutAdapter, int vocabulary)
    {
        double largest = 0;
        for (int row = 0; row < reference.Length; row += vocabulary)
        {
            ReadOnlySpan<float> expected = reference.AsSpan(row, vocabulary), actual = candidate.AsSpan(row, vocabulary);
            largest = Math.Max(largest, AddRow(expected, actual));
            if (withoutAdapter is not null)
            {
                AddAdapter(expected, actual, withoutAdapter.AsSpan(row, vocabulary));
            }
        }

        MaxError = Math.Max(MaxError, largest);
        return largest;
    }

    /// <summary>Why the differences are not those of rounding; null where they are.</summary>
    public string? Failure(double bound, ElementType type)
    {
        if (RelativeError > bound)
        {
            return string.Create(CultureInfo.InvariantCulture, $"the scores differ by {RelativeError:0.0000} of their spread where {type} explains at most {bound:0.0000}");
        }

        // Where rounding, usually a third of what is allowed, drowns the adapter's effect, its share says nothing.
        bool decisive = Math.Sqrt(_adapter / _spread) > bound / 3;
        return decisive && AdapterShare < 0.5
            ? string.Create(CultureInfo.InvariantCulture, $"it is nearer to the base model; only {AdapterShare:0.00} of the adapter's effect is in it")
            : null;
    }

    private double AddRow(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        double mean = 0, largest = 0;
        int top = 0, actualTop = 0;
        for (int id = 0; id < expected.Length; id++)
        {
            mean += expected[id];
            top = expected[id] > expected[top] ? id : top;
            actualTop = actual[id] > actual[actualTop] ? id : actualTop;
            IsFinite &= float.IsFinite(actual[id]);
        }

        mean /= expected.Length;
        double sum = 0, actualSum = 0;
        for (int id = 0; id < expected.Length; id++)
        {
            double difference = (double)actual[id] - expected[id];
            largest = Math.Max(largest, Math.Abs(difference));
            _error += difference * difference;
            _spread += (expected[id] - mean) * (expected[id] - mean);
            sum += Math.Exp((double)expected[id] - expected[top]);
            actualSum += Math.Exp((double)actual[id] - actual[actualTop]);
        }

        double logSum = Math.Log(sum) + expected[top], actualLogSum = Math.Log(actualSum) + actual[actualTop];
        for (int id = 0; id < expected.Length; id++)
        {
            double logP = expected[id] - logSum;
            _divergence += Math.Exp(logP) * (logP - (actual[id] - actualLogSum));
        }

        _rows++;
        _sameTop += top == actualTop ? 1 : 0;
        return largest;
    }

    private void AddAdapter(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, ReadOnlySpan<float> withoutAdapter)
    {
        for (int id = 0; id < expected.Length; id++)
        {
            double effect = (double)expected[id] - withoutAdapter[id];
            _adapter += effect * effect;
            _along += effect * ((double)actual[id] - withoutAdapter[id]);
        }
    }
}
