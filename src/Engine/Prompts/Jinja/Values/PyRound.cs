using System.Globalization;
using System.Numerics;

namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>Decimal digits of a double by its exact value, ties to even: round(2.675, 2) is 2.67, since that double is below the tie.</summary>
internal static class PyRound
{
    public static double Round(double value, int digits)
    {
        if (!double.IsFinite(value) || digits > 340)
        {
            return value;
        }

        double rounded = double.Parse(Scaled(Math.Abs(value), digits) + "E" + (-digits).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        return double.IsNegative(value) ? -rounded : rounded;
    }

    /// <summary>A finite, positive value with so many digits after the point.</summary>
    public static string Fixed(double value, int digits)
    {
        string text = Scaled(value, digits).ToString(CultureInfo.InvariantCulture).PadLeft(digits + 1, '0');
        return digits == 0 ? text : text[..^digits] + "." + text[^digits..];
    }

    /// <summary>The integer nearest to value · 10^digits.</summary>
    private static BigInteger Scaled(double value, int digits)
    {
        long bits = BitConverter.DoubleToInt64Bits(value);
        int exponent = (int)(bits >> 52) & 0x7FF;
        BigInteger numerator = (bits & 0xFFFFFFFFFFFFF) | (exponent == 0 ? 0 : 1L << 52), denominator = BigInteger.One;
        int shift = Math.Max(exponent, 1) - 1075;
        (numerator, denominator) = shift >= 0 ? (numerator << shift, denominator) : (numerator, denominator << -shift);
        BigInteger power = BigInteger.Pow(10, Math.Min(Math.Abs(digits), 400));
        (numerator, denominator) = digits >= 0 ? (numerator * power, denominator) : (numerator, denominator * power);
        BigInteger quotient = BigInteger.DivRem(numerator, denominator, out BigInteger remainder);
        int tie = (remainder * 2).CompareTo(denominator);
        return tie > 0 || (tie == 0 && !quotient.IsEven) ? quotient + 1 : quotient;
    }
}
