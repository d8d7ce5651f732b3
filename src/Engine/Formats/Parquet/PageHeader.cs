namespace FineTuneTool.Engine.Formats.Parquet;

/// <summary>What stands before the bytes of a page (parquet.thrift <c>PageHeader</c>).</summary>
internal sealed class PageHeader
{
    public const int Data = 0, Index = 1, Dictionary = 2, DataV2 = 3;

    /// <summary>Bytes of the header itself.</summary>
    public int HeaderBytes { get; private set; }

    /// <summary>parquet.thrift <c>PageType</c>.</summary>
    public int Kind { get; private set; } = -1;

    public int Size { get; private set; } = -1;

    public int CompressedSize { get; private set; } = -1;

    /// <summary>CRC-32 of the bytes as they lie in the file; null where it is not stated.</summary>
    public uint? Checksum { get; private set; }

    /// <summary>Values with the nulls.</summary>
    public int Values { get; private set; } = -1;

    public int Encoding { get; private set; } = -1;

    /// <summary>The encodings of the levels of a page of version 1, as bits.</summary>
    public int LevelEncodings { get; private set; }

    /// <summary>Bytes of the definition levels of a page of version 2.</summary>
    public int DefinitionBytes { get; private set; }

    /// <summary>Bytes of the repetition levels of a page of version 2.</summary>
    public int RepetitionBytes { get; private set; }

    public bool IsCompressed { get; private set; } = true;

    /// <exception cref="InvalidDataException">The header is malformed.</exception>
    public static PageHeader Read(ReadOnlySpan<byte> bytes)
    {
        var reader = new ThriftReader(bytes);
        var header = new PageHeader();
        for (int id = 0; reader.Field(ref id, out byte type);)
        {
            switch (id)
            {
                case 1:
                    header.Kind = reader.Int32(type);
                    break;
                case 2:
                    header.Size = reader.Int32(type);
                    break;
                case 3:
                    header.CompressedSize = reader.Int32(type);
                    break;
                case 4:
                    header.Checksum = (uint)reader.Int32(type);
                    break;
                case 5 or 7 or 8 when type == ThriftReader.Struct:
                    header.ReadPage(ref reader, isV2: id == 8, isData: id == 5);
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }

        header.HeaderBytes = reader.Position;
        return header.Size >= 0 && header.CompressedSize >= 0 && (header.Kind == Index || header.Values >= 0) ? header
            : throw new InvalidDataException("a page does not say its size or its values");
    }

    private void ReadPage(ref ThriftReader reader, bool isV2, bool isData)
    {
        for (int id = 0; reader.Field(ref id, out byte type);)
        {
            switch (id)
            {
                case 1:
                    Values = reader.Int32(type);
                    break;
                case 2 when !isV2:
                case 4 when isV2:
                    Encoding = reader.Int32(type);
                    break;
                case 3 or 4 when isData:
                    LevelEncodings |= 1 << (reader.Int32(type) & 31);
                    break;
                case 5 when isV2:
                    DefinitionBytes = reader.Int32(type);
                    break;
                case 6 when isV2:
                    RepetitionBytes = reader.Int32(type);
                    break;
                case 7 when isV2:
                    IsCompressed = reader.Boolean(type);
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }
    }
}
