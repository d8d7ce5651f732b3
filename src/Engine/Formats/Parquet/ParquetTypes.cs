namespace FineTuneTool.Engine.Formats.Parquet;

/// <summary>How values are stored (parquet.thrift <c>Type</c>, by its numbers).</summary>
public enum PhysicalType
{
    Boolean = 0,
    Int32 = 1,
    Int64 = 2,
    Int96 = 3,
    Float = 4,
    Double = 5,
    ByteArray = 6,
    FixedLengthByteArray = 7,
}

/// <summary>What stored values mean (parquet.thrift <c>LogicalType</c>, or the older <c>ConvertedType</c>).</summary>
public enum LogicalType
{
    None,
    Text,
    List,
    Map,
    Decimal,
    Date,
    Time,
    Timestamp,
    Unsigned,
    Float16,
}

/// <summary>Ticks of times and timestamps.</summary>
public enum TimeUnit
{
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

/// <summary>How often a value stands (parquet.thrift <c>FieldRepetitionType</c>, by its numbers).</summary>
public enum Repetition
{
    Required = 0,
    Optional = 1,
    Repeated = 2,
}

/// <summary>A stored value: whole numbers, truth values and the bits of floats in <paramref name="Bits"/>, all else in <paramref name="Bytes"/>.</summary>
public readonly record struct ParquetValue(long Bits, ReadOnlyMemory<byte> Bytes = default);

/// <summary>A node of the schema: a column where it has no children, else a group of them.</summary>
public sealed record ParquetNode(string Name, Repetition Repetition, PhysicalType? Physical, int TypeLength, LogicalType Logical)
{
    /// <summary>Digits after the point of a decimal.</summary>
    public int Scale { get; init; }

    public TimeUnit Unit { get; init; }

    /// <summary>Whether a time counts from midnight or 1970 in UTC, rather than of a clock without a zone.</summary>
    public bool IsUtc { get; init; }

    public IReadOnlyList<ParquetNode> Children { get; init; } = [];

    /// <summary>Definition level at which this node is present (Dremel, Melnik et al. 2010, section 4).</summary>
    public int DefinitionLevel { get; init; }

    /// <summary>Repetition level of the repeated nodes down to this one.</summary>
    public int RepetitionLevel { get; init; }

    /// <summary>Index of the first column under this node; its own for a column.</summary>
    public int FirstColumn { get; init; }

    /// <summary>Columns under this node; 1 for a column.</summary>
    public int Columns { get; init; } = 1;
}

/// <summary>A column's pages in a row group.</summary>
/// <param name="Codec">parquet.thrift <c>CompressionCodec</c>.</param>
/// <param name="Values">Values with the nulls.</param>
/// <param name="Start">Byte of the file at which its first page begins.</param>
public sealed record ColumnChunk(PhysicalType Physical, int Codec, long Values, long Start, long Bytes);

/// <summary>Rows that are stored together, column by column.</summary>
public sealed record RowGroup(long Rows, IReadOnlyList<ColumnChunk> Columns);
