using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats.Parquet;

namespace FineTuneTool.Engine.Data;

/// <summary>
/// Rows of a Parquet file, whose "lines" are counted by row. What JSON has no value for becomes text: bytes as hexadecimal digits, dates and times in
/// ISO 8601, decimals as their digits, floats that are not finite as nan, inf and -inf. A time beyond its range stays the number that is stored.
/// </summary>
public static class ParquetReader
{
    private const int MostDecimalBytes = 32;
    private const int MostScale = 100;
    private const long NanosecondsOfDay = 86_400_000_000_000;

    /// <summary>The Julian day of 1970, from which old timestamps of 96 bits count.</summary>
    private const int JulianEpoch = 2_440_588;

    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    /// <exception cref="FineTuneException">FT0111 where the file is malformed, FT0301 where it cannot be read.</exception>
    public static IEnumerable<RawRow> Read(string path)
    {
        using var file = new ParquetFile(path);
        int row = 0;
        foreach (JsonObject values in file.Rows(Convert))
        {
            row += row < int.MaxValue ? 1 : 0;
            yield return new RawRow(values, path, row);
        }
    }

    private static JsonNode? Convert(ParquetNode column, ParquetValue value) => column.Physical switch
    {
        PhysicalType.Boolean => value.Bits != 0,
        PhysicalType.Float => Number(BitConverter.Int32BitsToSingle((int)value.Bits)),
        PhysicalType.Double => Number(BitConverter.Int64BitsToDouble(value.Bits)),
        PhysicalType.Int32 or PhysicalType.Int64 => Integer(column, value.Bits),
        PhysicalType.Int96 => Instant((BinaryPrimitives.ReadInt32LittleEndian(value.Bytes.Span[8..]) - JulianEpoch) * (Int128)NanosecondsOfDay
            + BinaryPrimitives.ReadInt64LittleEndian(value.Bytes.Span), isUtc: false) ?? Hexadecimal(value),
        _ => Bytes(column, value),
    };

    private static JsonNode? Bytes(ParquetNode column, ParquetValue value)
    {
        switch (column.Logical)
        {
            case LogicalType.Text:
                try
                {
                    return Utf8.GetString(value.Bytes.Span);
                }
                catch (DecoderFallbackException)
                {
                    throw new InvalidDataException($"a text of the column {column.Name} is not valid UTF-8");
                }

            case LogicalType.Float16 when value.Bytes.Length == 2:
                return Number((double)BinaryPrimitives.ReadHalfLittleEndian(value.Bytes.Span));
            case LogicalType.Decimal when value.Bytes.Length <= MostDecimalBytes:
                return Decimal(new BigInteger(value.Bytes.Span, isBigEndian: true), column);
            default:
                return Hexadecimal(value);
        }
    }

    private static string Hexadecimal(ParquetValue value) => System.Convert.ToHexStringLower(value.Bytes.Span);

    private static JsonNode Number(double value) => double.IsFinite(value) ? value : double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";

    private static JsonNode Integer(ParquetNode column, long value) => column.Logical switch
    {
        LogicalType.Unsigned => column.Physical == PhysicalType.Int32 ? (uint)value : (ulong)value,
        LogicalType.Decimal => Decimal(value, column),
        LogicalType.Date when value is > -719_163 and < 2_932_897 => DateOnly.FromDayNumber(719_162 + (int)value).ToString("O", CultureInfo.InvariantCulture),
        LogicalType.Time when Nanoseconds(column, value) is var time && time >= 0 && time < NanosecondsOfDay => TimeOfDay((long)time),
        LogicalType.Timestamp => Instant(Nanoseconds(column, value), column.IsUtc) ?? (JsonNode)value,
        _ => value,
    };

    private static Int128 Nanoseconds(ParquetNode column, long value) => (Int128)value * column.Unit switch
    {
        TimeUnit.Milliseconds => 1_000_000,
        TimeUnit.Microseconds => 1_000,
        _ => 1,
    };

    /// <summary>Nanoseconds since 1970 as a date and a time; null beyond the years 1 to 9999.</summary>
    private static string? Instant(Int128 nanoseconds, bool isUtc)
    {
        Int128 day = nanoseconds / NanosecondsOfDay;
        Int128 time = nanoseconds % NanosecondsOfDay;
        (day, time) = time < 0 ? (day - 1, time + NanosecondsOfDay) : (day, time);
        return day > -719_163 && day < 2_932_897
            ? $"{DateOnly.FromDayNumber(719_162 + (int)day):O}T{TimeOfDay((long)time)}{(isUtc ? "+00:00" : "")}" : null;
    }

    /// <summary>Hours, minutes, seconds, and six or nine digits of a second where it has parts.</summary>
    private static string TimeOfDay(long nanoseconds)
    {
        (long seconds, long part) = Math.DivRem(nanoseconds, 1_000_000_000);
        string whole = string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:00}:{seconds / 60 % 60:00}:{seconds % 60:00}");
        return part == 0 ? whole : part % 1000 == 0 ? $"{whole}.{part / 1000:000000}" : $"{whole}.{part:000000000}";
    }

    private static string Decimal(BigInteger value, ParquetNode column)
    {
        if (column.Scale is < 0 or > MostScale)
        {
            throw new InvalidDataException($"the decimals of the column {column.Name} have {column.Scale} digits after the point");
        }

        string digits = BigInteger.Abs(value).ToString(CultureInfo.InvariantCulture).PadLeft(column.Scale + 1, '0');
        string sign = value.Sign < 0 ? "-" : "";
        return column.Scale == 0 ? sign + digits : $"{sign}{digits[..^column.Scale]}.{digits[^column.Scale..]}";
    }
}
