using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Formats;

/// <summary>
/// Appends scalar events to a TensorBoard event file.
/// <code>
/// record: u64 bytes · u32 masked CRC-32C of those 8 bytes · payload · u32 masked CRC-32C of the payload      (TFRecord)
/// payload: Event { 1: double wall_time, 2: int64 step, 3: string file_version, 5: Summary { 1: Value { 1: string tag, 2: float simple_value } } }
/// </code>
/// Fields stand in the order of their numbers and a step of 0 is left out, as TensorBoard's own writer does.
/// </summary>
public sealed class TensorBoardWriter : IDisposable
{
    private const uint MaskDelta = 0xA282EAD8;

    private readonly FileStream _stream;

    /// <summary>Creates the file and writes the version record. Raises <see cref="Codes.FileUnwritable"/>.</summary>
    /// <param name="wallTime">Seconds since 1970.</param>
    public TensorBoardWriter(string path, double wallTime)
        : this(path, FileMode.Create)
    {
        byte[] version = [0x1A, 13, .. "brain.Event:2"u8];
        Append(Event(wallTime, 0, version));
    }

    private TensorBoardWriter(string path, FileMode mode)
    {
        FileStream? stream = null;
        WriteFailure.Guard(path, () =>
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);
            stream = new FileStream(path, mode, FileAccess.Write, FileShare.Read);
        });
        _stream = stream!;
        Path = path;
    }

    /// <summary>Bytes of the whole records written so far.</summary>
    public long Length => _stream.Position;

    public string Path { get; }

    /// <summary>A file name that TensorBoard finds: time, machine, process.</summary>
    public static string FileName(DateTimeOffset now) => string.Create(
        CultureInfo.InvariantCulture, $"events.out.tfevents.{now.ToUnixTimeSeconds()}.{Environment.MachineName}.{Environment.ProcessId}.0");

    /// <summary>
    /// Goes on in a file after its first <paramref name="length"/> bytes, which end with a record; what follows them is cut off.
    /// Raises <see cref="Codes.FileUnwritable"/> where the file is missing or shorter.
    /// </summary>
    public static TensorBoardWriter Continue(string path, long length)
    {
        var writer = new TensorBoardWriter(path, FileMode.Open);
        try
        {
            WriteFailure.Guard(path, () =>
            {
                if (writer._stream.Length < length)
                {
                    throw new IOException($"it has {writer._stream.Length} bytes, not {length}.");
                }

                writer._stream.SetLength(length);
                writer._stream.Seek(0, SeekOrigin.End);
            });
        }
        catch
        {
            writer.Dispose();
            throw;
        }

        return writer;
    }

    /// <summary>Appends one number. The file is complete up to here after <see cref="Flush"/>.</summary>
    /// <param name="wallTime">Seconds since 1970.</param>
    public void Scalar(string tag, float value, long step, double wallTime)
    {
        byte[] name = Encoding.UTF8.GetBytes(tag);
        using var content = new MemoryStream();
        content.WriteByte(0x0A);
        WriteVarint(content, (ulong)name.Length);
        content.Write(name);
        content.WriteByte(0x15);
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(number, value);
        content.Write(number);
        Append(Event(wallTime, step, Field(0x2A, Field(0x0A, content.ToArray()))));
    }

    public void Flush() => WriteFailure.Guard(Path, _stream.Flush);

    public void Dispose() => _stream.Dispose();

    /// <summary>CRC-32C (Castagnoli), masked as in TFRecord: rotated right by 15, plus a constant.</summary>
    internal static uint MaskedCrc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return BitOperations.RotateRight(~crc, 15) + MaskDelta;
    }

    private static byte[] Event(double wallTime, long step, byte[] rest)
    {
        using var payload = new MemoryStream();
        payload.WriteByte(0x09);
        Span<byte> time = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(time, wallTime);
        payload.Write(time);
        if (step != 0)
        {
            payload.WriteByte(0x10);
            WriteVarint(payload, (ulong)step);
        }

        payload.Write(rest);
        return payload.ToArray();
    }

    private static byte[] Field(byte tag, byte[] content)
    {
        using var field = new MemoryStream();
        field.WriteByte(tag);
        WriteVarint(field, (ulong)content.Length);
        field.Write(content);
        return field.ToArray();
    }

    private static void WriteVarint(MemoryStream stream, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            stream.WriteByte((byte)(value | 0x80));
        }

        stream.WriteByte((byte)value);
    }

    private void Append(byte[] payload)
    {
        byte[] record = new byte[16 + payload.Length];
        BinaryPrimitives.WriteInt64LittleEndian(record, payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), MaskedCrc(record.AsSpan(0, 8)));
        payload.CopyTo(record, 12);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + payload.Length), MaskedCrc(payload));
        WriteFailure.Guard(Path, () => _stream.Write(record));
    }
}
