using System.Buffers.Binary;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Batches;

/// <summary>
/// Layout of a tokenised data set, version 2. Little-endian; every part begins on a multiple of 8 bytes, gaps are zero.
/// <code>
/// 1. header, 64 bytes: "FTTOKENS", u32 version, u32 header bytes, u64 rows R, u64 tokens N, u64 supervised tokens, i32 largest id,
///    u32 flags (1 = part 7 is there), u64 bytes of part 8, zeros
/// 2. ids, i32 × N: the rows one after another
/// 3. mask, one bit per token, lowest bit first: 1 = the label equals the id, 0 = the label is −100
/// 4. starts, u64 × (R + 1): first token of each row, then N
/// 5. supervised, i32 × R: labels that can be learnt in each row (those after its first token)
/// 6. places, (i32 name, i32 line) × R: where each row comes from
/// 7. weights, f32 × N, only with the flag: how much each label counts in the loss
/// 8. names of the places' files, UTF-8, each ended by a zero byte
/// </code>
/// </summary>
internal readonly record struct TokenizedDatasetFormat(long Rows, long Tokens, long Supervised, int LargestId, bool HasWeights, long NameBytes)
{
    public const int HeaderBytes = 64;
    public const int Version = 2;

    private static ReadOnlySpan<byte> Magic => "FTTOKENS"u8;

    public long IdsAt => HeaderBytes;

    public long MaskAt => Align(IdsAt + (Tokens * sizeof(int)));

    public long StartsAt => Align(MaskAt + ((Tokens + 7) / 8));

    public long SupervisedAt => StartsAt + ((Rows + 1) * sizeof(long));

    public long PlacesAt => Align(SupervisedAt + (Rows * sizeof(int)));

    public long WeightsAt => PlacesAt + (Rows * 2 * sizeof(int));

    public long NamesAt => Align(WeightsAt + (HasWeights ? Tokens * sizeof(float) : 0));

    public long FileBytes => NamesAt + NameBytes;

    public static long Align(long offset) => (offset + 7) & ~7L;

    public byte[] Header()
    {
        byte[] header = new byte[HeaderBytes];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), Version);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), HeaderBytes);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(16), Rows);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(24), Tokens);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(32), Supervised);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(40), LargestId);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(44), HasWeights ? 1 : 0);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(48), NameBytes);
        return header;
    }

    /// <summary>Reads a header and checks its claims against the length of the file.</summary>
    /// <exception cref="FineTuneException">FT0107: not such a file, another version, or sizes that do not fit the file.</exception>
    public static TokenizedDatasetFormat Parse(ReadOnlySpan<byte> header, long fileBytes, string path)
    {
        if (header.Length < HeaderBytes || !header[..8].SequenceEqual(Magic))
        {
            throw Malformed(path, "does not begin as a tokenised data set does");
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        if (version != Version || BinaryPrimitives.ReadUInt32LittleEndian(header[12..]) != HeaderBytes)
        {
            throw Malformed(path, $"has format version {version}; this version of the tool reads version {Version}");
        }

        int flags = BinaryPrimitives.ReadInt32LittleEndian(header[44..]);
        var format = new TokenizedDatasetFormat(
            BinaryPrimitives.ReadInt64LittleEndian(header[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(header[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(header[32..]),
            BinaryPrimitives.ReadInt32LittleEndian(header[40..]),
            flags == 1,
            BinaryPrimitives.ReadInt64LittleEndian(header[48..]));
        // The bounds by the file's length come first, so that the products below cannot overflow.
        bool plausible = format.Rows >= 0 && format.Rows <= Math.Min(fileBytes / sizeof(long), int.MaxValue)
            && format.Tokens >= format.Rows && format.Tokens <= fileBytes / sizeof(int)
            && format.Supervised >= 0 && format.Supervised <= format.Tokens && format.LargestId >= -1
            && flags is 0 or 1
            && format.NameBytes >= 0 && format.NameBytes <= Math.Min(fileBytes, int.MaxValue);
        return plausible && format.FileBytes == fileBytes
            ? format
            : throw Malformed(path, $"claims {format.Rows} rows and {format.Tokens} tokens, which does not fit its {fileBytes} bytes");
    }

    public static FineTuneException Malformed(string path, string what) => new(
        Codes.BadTokenizedDataset, $"The file {what}.", "Delete the preprocess folder and preprocess again.", new SourcePosition(path));
}
