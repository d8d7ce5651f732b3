using FineTuneTool.Engine.Formats.Compression;

namespace FineTuneTool.Engine.Formats.Parquet;

/// <summary>
/// Goes through the values of a column in a row group, page by page: each has a repetition level (at which list it goes on; 0 begins a row),
/// a definition level (how many of the optional and repeated nodes above it are there) and, where it is not null, a value.
/// </summary>
internal sealed unsafe class ColumnCursor
{
    private const int BitPackedLevels = 1 << 4;

    private readonly MappedFile _file;
    private readonly ParquetNode _column;
    private readonly ColumnChunk _chunk;
    private long _position;
    private long _left;
    private int _pageLeft;
    private ParquetValue[]? _dictionary;
    private RunLengthDecoder? _repetitions;
    private RunLengthDecoder? _definitions;
    private ValueDecoder? _values;

    /// <exception cref="InvalidDataException">The pages lie outside the file, or the first one is malformed.</exception>
    public ColumnCursor(MappedFile file, ParquetNode column, ColumnChunk chunk)
    {
        if (chunk.Physical != column.Physical || chunk.Bytes > file.Length || chunk.Start > file.Length - chunk.Bytes)
        {
            throw new InvalidDataException($"the column {column.Name} lies outside the file or is not of its schema's type");
        }

        (_file, _column, _chunk, _position, _left) = (file, column, chunk, chunk.Start, chunk.Values);
        Move();
    }

    /// <summary>Whether all values have been passed.</summary>
    public bool IsAtEnd { get; private set; }

    /// <summary>Repetition level of the value here; 0 at the end.</summary>
    public int Repetition { get; private set; }

    /// <summary>Definition level of the value here.</summary>
    public int Definition { get; private set; }

    /// <summary>The value here; meaningful only at the column's full definition level.</summary>
    public ParquetValue Value { get; private set; }

    /// <summary>Goes to the next value.</summary>
    /// <exception cref="InvalidDataException">The values have ended, or the next page is malformed.</exception>
    public void Advance()
    {
        if (IsAtEnd)
        {
            throw new InvalidDataException($"the column {_column.Name} ends before its rows");
        }

        Move();
    }

    private void Move()
    {
        if (_left == 0)
        {
            (IsAtEnd, Repetition) = (true, 0);
            return;
        }

        while (_pageLeft == 0)
        {
            ReadPage();
        }

        _left--;
        _pageLeft--;
        Repetition = _repetitions?.Next() ?? 0;
        Definition = _definitions?.Next() ?? 0;
        if (Repetition > _column.RepetitionLevel || Definition > _column.DefinitionLevel)
        {
            throw new InvalidDataException($"a level of the column {_column.Name} is beyond its schema");
        }

        Value = Definition == _column.DefinitionLevel ? _values!.Next() : default;
    }

    private void ReadPage()
    {
        long left = _chunk.Start + _chunk.Bytes - _position;
        var bytes = new ReadOnlySpan<byte>(_file.Pointer + _position, (int)Math.Min(left, int.MaxValue));
        PageHeader header = PageHeader.Read(bytes);
        if (header.CompressedSize > bytes.Length - header.HeaderBytes)
        {
            throw new InvalidDataException($"a page of the column {_column.Name} ends too early");
        }

        ReadOnlySpan<byte> page = bytes.Slice(header.HeaderBytes, header.CompressedSize);
        _position += header.HeaderBytes + header.CompressedSize;
        if (header.Checksum is uint stated && Crc32.Of(page) != stated)
        {
            throw new InvalidDataException($"a page of the column {_column.Name} does not have its checksum");
        }

        switch (header.Kind)
        {
            case PageHeader.Dictionary:
                ReadDictionary(header, page);
                break;
            case PageHeader.Data:
                BeginPage(header, page);
                break;
            case PageHeader.DataV2:
                BeginPageV2(header, page);
                break;
        }
    }

    private void ReadDictionary(PageHeader header, ReadOnlySpan<byte> page)
    {
        byte[] bytes = PageCodec.Decompress(_chunk.Codec, page, header.Size);
        if (_dictionary is not null || header.Encoding is not (0 or 2) || _column.Physical == PhysicalType.Boolean || header.Values > bytes.Length)
        {
            throw new InvalidDataException($"the dictionary of the column {_column.Name} is malformed");
        }

        var values = new PlainDecoder(_column, bytes);
        _dictionary = new ParquetValue[header.Values];
        for (int i = 0; i < _dictionary.Length; i++)
        {
            _dictionary[i] = values.Next();
        }
    }

    /// <summary>Version 1: levels, each after its length, and values are compressed together.</summary>
    private void BeginPage(PageHeader header, ReadOnlySpan<byte> page)
    {
        CheckCount(header);
        if ((header.LevelEncodings & BitPackedLevels) != 0 && _column.DefinitionLevel > 0)
        {
            throw new InvalidDataException("its levels have an encoding that was given up by the format");
        }

        ReadOnlyMemory<byte> bytes = PageCodec.Decompress(_chunk.Codec, page, header.Size);
        _repetitions = _column.RepetitionLevel > 0 ? Levels(_column.RepetitionLevel, TakeWithLength(ref bytes)) : null;
        _definitions = _column.DefinitionLevel > 0 ? Levels(_column.DefinitionLevel, TakeWithLength(ref bytes)) : null;
        _values = ValueDecoder.For(header.Encoding, _column, bytes, _dictionary);
    }

    /// <summary>Version 2: levels stand before the values and are never compressed.</summary>
    private void BeginPageV2(PageHeader header, ReadOnlySpan<byte> page)
    {
        CheckCount(header);
        int levels = checked(header.RepetitionBytes + header.DefinitionBytes);
        if (header.RepetitionBytes < 0 || header.DefinitionBytes < 0 || levels > page.Length || levels > header.Size)
        {
            throw new InvalidDataException($"the levels of a page of the column {_column.Name} end too early");
        }

        ReadOnlyMemory<byte> before = page[..levels].ToArray();
        _repetitions = _column.RepetitionLevel > 0 ? Levels(_column.RepetitionLevel, before[..header.RepetitionBytes]) : null;
        _definitions = _column.DefinitionLevel > 0 ? Levels(_column.DefinitionLevel, before[header.RepetitionBytes..]) : null;

        // A page of nothing but nulls may have no bytes to decompress at all.
        ReadOnlySpan<byte> packed = page[levels..];
        byte[] bytes = packed.IsEmpty && header.Size == levels ? [] : PageCodec.Decompress(header.IsCompressed ? _chunk.Codec : 0, packed, header.Size - levels);
        _values = ValueDecoder.For(header.Encoding, _column, bytes, _dictionary);
    }

    private void CheckCount(PageHeader header)
    {
        if (header.Values > _left)
        {
            throw new InvalidDataException($"the pages of the column {_column.Name} hold more values than the column");
        }

        _pageLeft = header.Values;
    }

    private static RunLengthDecoder Levels(int most, ReadOnlyMemory<byte> bytes) => new(bytes, 32 - int.LeadingZeroCount(most));

    private static ReadOnlyMemory<byte> TakeWithLength(ref ReadOnlyMemory<byte> bytes)
    {
        var cursor = new ByteCursor(bytes.Span);
        int length = cursor.Int32();
        cursor.Take(length);
        ReadOnlyMemory<byte> taken = bytes.Slice(4, length);
        bytes = bytes[cursor.Position..];
        return taken;
    }
}
