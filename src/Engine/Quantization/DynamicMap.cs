namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// The numbers from −1 or 0 to 1 of 8-bit codes whose leading bits choose a power of ten and whose other bits divide it evenly.
/// Dettmers, "8-bit approximations for parallelism in deep learning", 2016. Computed in double and rounded once: the reference's own
/// table depends on the machine in the last bits, so files carry theirs.
/// </summary>
public static class DynamicMap
{
    private const int Decades = 7;

    private static readonly float[] SignedValues = Make(signed: true), UnsignedValues = Make(signed: false);

    /// <summary>256 numbers in rising order, zero and one among them, minus one not.</summary>
    public static ReadOnlySpan<float> Signed => SignedValues;

    /// <summary>256 numbers from zero to one in rising order, twice as dense as the signed ones.</summary>
    public static ReadOnlySpan<float> Unsigned => UnsignedValues;

    /// <summary>The code of the nearest number of a map; of two equally near ones the lower.</summary>
    public static byte Nearest(ReadOnlySpan<float> map, float value)
    {
        int at = map.BinarySearch(value);
        if (at >= 0)
        {
            return (byte)at;
        }

        int above = Math.Clamp(~at, 1, map.Length - 1);
        return (byte)((double)value - map[above - 1] <= (double)map[above] - value ? above - 1 : above);
    }

    private static float[] Make(bool signed)
    {
        List<double> values = [0, 1];
        for (int decade = 0; decade < Decades; decade++)
        {
            int intervals = 1 << (signed ? decade : decade + 1);
            double power = Math.Pow(10, decade - (Decades - 1)), width = 0.9 / intervals;
            for (int i = 0; i < intervals; i++)
            {
                double middle = (0.1 + width * (i + 0.5)) * power;
                values.AddRange(signed ? [middle, -middle] : [middle]);
            }
        }

        values.Sort();
        return [.. values.Select(value => (float)value)];
    }
}
