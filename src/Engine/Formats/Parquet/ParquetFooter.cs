using System.Text;

namespace FineTuneTool.Engine.Formats.Parquet;

/// <summary>The footer of a file (parquet.thrift <c>FileMetaData</c>): its schema and where the columns of each row group lie.</summary>
internal sealed class ParquetFooter
{
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    private readonly List<SchemaElement> _elements = [];
    private readonly List<RowGroup> _groups = [];

    /// <exception cref="InvalidDataException">The footer is malformed.</exception>
    public ParquetFooter(ReadOnlySpan<byte> bytes)
    {
        var reader = new ThriftReader(bytes);
        for (int id = 0; reader.Field(ref id, out byte type);)
        {
            switch (id)
            {
                case 2:
                    for (int left = reader.Count(type, ThriftReader.Struct); left > 0; left--)
                    {
                        _elements.Add(ReadElement(ref reader));
                    }

                    break;
                case 3:
                    Rows = reader.Int64(type);
                    break;
                case 4:
                    for (int left = reader.Count(type, ThriftReader.Struct); left > 0; left--)
                    {
                        _groups.Add(ReadGroup(ref reader));
                    }

                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }

        Root = ParquetSchema.Build(_elements);
    }

    public ParquetNode Root { get; }

    public long Rows { get; }

    public IReadOnlyList<RowGroup> Groups => _groups;

    private static SchemaElement ReadElement(ref ThriftReader reader)
    {
        var element = new SchemaElement();
        for (int id = 0; reader.Field(ref id, out byte type);)
        {
            switch (id)
            {
                case 1:
                    element.Physical = Enum<PhysicalType>(reader.Int32(type));
                    break;
                case 2:
                    element.TypeLength = reader.Int32(type);
                    break;
                case 3:
                    element.Repetition = Enum<Repetition>(reader.Int32(type));
                    break;
                case 4:
                    element.Name = Name(reader.Bytes(type));
                    break;
                case 5:
                    element.Children = reader.Int32(type);
                    break;
                case 6:
                    element.Convert(reader.Int32(type));
                    break;
                case 7:
                    element.Scale = reader.Int32(type);
                    break;
                case 10 when type == ThriftReader.Struct:
                    ReadLogicalType(ref reader, element);
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }

        return element;
    }

    /// <summary>A union: the id of its one field says the type.</summary>
    private static void ReadLogicalType(ref ThriftReader reader, SchemaElement element)
    {
        for (int id = 0; reader.Field(ref id, out byte type);)
        {
            element.Logical = id switch
            {
                1 or 4 or 12 => LogicalType.Text,
                2 => LogicalType.Map,
                3 => LogicalType.List,
                5 => LogicalType.Decimal,
                6 => LogicalType.Date,
                7 => LogicalType.Time,
                8 => LogicalType.Timestamp,
                15 => LogicalType.Float16,
                _ => element.Logical,
            };
            if (id is not (7 or 8 or 10) || type != ThriftReader.Struct)
            {
                reader.Skip(type);
                continue;
            }

            for (int field = 0; reader.Field(ref field, out byte inner);)
            {
                if (id == 10 && field == 2)
                {
                    element.Logical = reader.Boolean(inner) ? LogicalType.None : LogicalType.Unsigned;
                }
                else if (id != 10 && field == 1)
                {
                    element.IsUtc = reader.Boolean(inner);
                }
                else if (id != 10 && field == 2 && inner == ThriftReader.Struct)
                {
                    for (int unit = 0; reader.Field(ref unit, out byte nothing); reader.Skip(nothing))
                    {
                        element.Unit = Enum<TimeUnit>(unit - 1);
                    }
                }
                else
                {
                    reader.Skip(inner);
                }
            }
        }
    }

    private static RowGroup ReadGroup(ref ThriftReader reader)
    {
        var columns = new List<ColumnChunk>();
        long rows = -1;
        for (int id = 0; reader.Field(ref id, out byte type);)
        {
            switch (id)
            {
                case 1:
                    for (int left = reader.Count(type, ThriftReader.Struct); left > 0; left--)
                    {
                        columns.Add(ReadChunk(ref reader));
                    }

                    break;
                case 3:
                    rows = reader.Int64(type);
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }

        return rows >= 0 ? new RowGroup(rows, columns) : throw new InvalidDataException("a row group has no count of rows");
    }

    private static ColumnChunk ReadChunk(ref ThriftReader reader)
    {
        ColumnChunk? chunk = null;
        for (int id = 0; reader.Field(ref id, out byte type);)
        {
            if (id == 1)
            {
                throw new InvalidDataException("a column lies in another file");
            }

            if (id == 3 && type == ThriftReader.Struct)
            {
                chunk = ReadChunkMetadata(ref reader);
            }
            else
            {
                reader.Skip(type);
            }
        }

        return chunk ?? throw new InvalidDataException("a column has no metadata, as where it is encrypted");
    }

    private static ColumnChunk ReadChunkMetadata(ref ThriftReader reader)
    {
        Span<long> fields = stackalloc long[12];
        fields.Fill(-1);
        for (int id = 0; reader.Field(ref id, out byte type);)
        {
            if (id is 1 or 4 or 5 or 7 or 9 or 11)
            {
                fields[id] = reader.Int64(type);
            }
            else
            {
                reader.Skip(type);
            }
        }

        if (fields[5] < 0 || fields[7] < 0 || fields[9] < 0)
        {
            throw new InvalidDataException("a column says no place or no count of values");
        }

        // Some writers give 0 as the place of a dictionary that is not there.
        long start = fields[11] > 0 ? Math.Min(fields[11], fields[9]) : fields[9];
        return new ColumnChunk(Enum<PhysicalType>(fields[1]), (int)Math.Clamp(fields[4], -1, int.MaxValue), fields[5], start, fields[7]);
    }

    private static T Enum<T>(long value)
        where T : struct, Enum => System.Enum.IsDefined((T)(object)(int)Math.Clamp(value, -1, int.MaxValue)) ? (T)(object)(int)value
        : throw new InvalidDataException($"its metadata has the unknown {typeof(T).Name} {value}");

    private static string Name(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Utf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw new InvalidDataException("the name of a column is not valid UTF-8");
        }
    }
}
