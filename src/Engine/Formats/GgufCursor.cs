using System.Buffers.Binary;
using System.Text;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Formats;

/// <summary>Reads the primitive values of a mapped GGUF file in turn; whatever would leave the file raises <see cref="Codes.BadGguf"/>.</summary>
internal sealed unsafe class GgufCursor(MappedFile file)
{
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Bytes read so far.</summary>
    public long Position { get; private set; }

    private long Remaining => file.Length - Position;

    /// <summary>Refuses a count whose items, of at least <paramref name="smallest"/> bytes each, cannot lie in the rest of the file.</summary>
    public void CheckCount(ulong count, long smallest, string what)
    {
        if (count > (ulong)(Remaining / smallest) || count > (ulong)Array.MaxLength)
        {
            throw Bad($"it claims {count} {what}, more than its {file.Length} bytes can hold");
        }
    }

    public string String(string what)
    {
        ulong length = UInt64(what);
        if (length > (ulong)Remaining || length > int.MaxValue)
        {
            throw Bad($"{what} claims {length} bytes, more than the file has left");
        }

        ReadOnlySpan<byte> bytes = Take((long)length, what);
        try
        {
            return Utf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Bad($"{what} is not valid UTF-8");
        }
    }

    public uint UInt32(string what) => BinaryPrimitives.ReadUInt32LittleEndian(Take(4, what));

    public ulong UInt64(string what) => BinaryPrimitives.ReadUInt64LittleEndian(Take(8, what));

    public ReadOnlySpan<byte> Take(long bytes, string what)
    {
        if (bytes > Remaining || bytes > int.MaxValue)
        {
            throw Bad($"it ends inside {what}");
        }

        var span = new ReadOnlySpan<byte>(file.Pointer + Position, (int)bytes);
        Position += bytes;
        return span;
    }

    public FineTuneException Bad(string problem) => new(
        Codes.BadGguf, $"'{file.Path}' is not a valid GGUF file: {problem}.", "Download the file again, or convert the model again.",
        new SourcePosition(file.Path));
}
