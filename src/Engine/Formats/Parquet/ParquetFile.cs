using System.Buffers.Binary;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Formats.Parquet;

/// <summary>
/// A Parquet file (apache/parquet-format 2.x): rows in groups, each column of a group in pages, the schema in the footer. Pages are decoded as the
/// rows are read, so that a file of any size takes the memory of one page a column. Nothing that the file claims is believed unchecked.
/// </summary>
public sealed class ParquetFile : IDisposable
{
    private const int TailBytes = 8;

    private readonly MappedFile _file;
    private readonly ParquetFooter _footer;

    /// <exception cref="FineTuneException">FT0301 for a file that cannot be opened, FT0111 for one that is malformed.</exception>
    public ParquetFile(string path)
    {
        _file = MappedFile.Open(path);
        try
        {
            _footer = Guard(ReadFooter);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    public ParquetNode Schema => _footer.Root;

    /// <summary>Rows in each row group.</summary>
    public IReadOnlyList<long> RowGroups => [.. _footer.Groups.Select(group => group.Rows)];

    /// <summary>The rows, one after another.</summary>
    /// <param name="convert">What a stored value that is not null becomes; it may raise <see cref="InvalidDataException"/>.</param>
    /// <exception cref="FineTuneException">FT0111 where the file is malformed.</exception>
    public IEnumerable<JsonObject> Rows(Func<ParquetNode, ParquetValue, JsonNode?> convert)
    {
        List<ParquetNode> columns = [.. Columns(Schema)];
        foreach (RowGroup group in _footer.Groups)
        {
            RecordAssembler assembler = Guard(() => Begin(group, columns, convert));
            for (long row = 0; row < group.Rows; row++)
            {
                yield return Guard(assembler.Next);
            }

            Guard(() => assembler.IsAtEnd ? true : throw new InvalidDataException("a row group holds more rows than it says"));
        }
    }

    public void Dispose() => _file.Dispose();

    private RecordAssembler Begin(RowGroup group, List<ParquetNode> columns, Func<ParquetNode, ParquetValue, JsonNode?> convert)
    {
        if (group.Columns.Count != columns.Count)
        {
            throw new InvalidDataException($"a row group has {group.Columns.Count} columns; the schema has {columns.Count}");
        }

        return new RecordAssembler(Schema, [.. columns.Zip(group.Columns, (column, chunk) => new ColumnCursor(_file, column, chunk))], convert);
    }

    private static IEnumerable<ParquetNode> Columns(ParquetNode node) => node.Physical is null ? node.Children.SelectMany(Columns) : [node];

    private unsafe ParquetFooter ReadFooter()
    {
        ReadOnlySpan<byte> magic = "PAR1"u8;
        if (_file.Length < magic.Length + TailBytes)
        {
            throw new InvalidDataException($"it has {_file.Length} bytes, too few for any");
        }

        var tail = new ReadOnlySpan<byte>(_file.Pointer + _file.Length - TailBytes, TailBytes);
        var head = new ReadOnlySpan<byte>(_file.Pointer, magic.Length);
        if (tail[4..].SequenceEqual("PARE"u8) || head.SequenceEqual("PARE"u8))
        {
            throw new InvalidDataException("it is encrypted");
        }

        if (!tail[4..].SequenceEqual(magic) || !head.SequenceEqual(magic))
        {
            throw new InvalidDataException("it does not begin and end with PAR1, as where a download was cut or is only a pointer to the file");
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (length > _file.Length - magic.Length - TailBytes || length > int.MaxValue)
        {
            throw new InvalidDataException($"its footer claims {length} bytes, more than the file has");
        }

        var footer = new ParquetFooter(new ReadOnlySpan<byte>(_file.Pointer + _file.Length - TailBytes - length, (int)length));
        return footer.Groups.Sum(group => group.Rows) == footer.Rows ? footer
            : throw new InvalidDataException($"its row groups do not have the {footer.Rows} rows that its footer claims");
    }

    /// <summary>Gives what the decoders raise its code and place.</summary>
    private T Guard<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception failure) when (failure is InvalidDataException or OverflowException)
        {
            throw new FineTuneException(Codes.BadParquet, $"'{_file.Path}' is not a Parquet file that can be read: {failure.Message}.",
                "Download the file again, or write it again with snappy, gzip, brotli, zstd, lz4_raw or no compression.", new SourcePosition(_file.Path), failure);
        }
    }
}
