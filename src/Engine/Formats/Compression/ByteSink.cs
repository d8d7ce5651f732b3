namespace FineTuneTool.Engine.Formats.Compression;

/// <summary>
/// Collects what a decompressor makes, up to a stated size. Grows with what is really made, so that a file cannot make it allocate by a claim.
/// </summary>
/// <param name="limit">Bytes that may be written.</param>
internal sealed class ByteSink(int limit)
{
    private byte[] _bytes = new byte[Math.Min(limit, 1 << 12)];

    /// <summary>Bytes written.</summary>
    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    /// <summary>Room for bytes, which count as written.</summary>
    /// <exception cref="InvalidDataException">The limit would be passed.</exception>
    public Span<byte> Append(int count)
    {
        if (count < 0 || count > limit - Length)
        {
            throw new InvalidDataException("compressed bytes hold more than they claim");
        }

        if (count > _bytes.Length - Length)
        {
            Array.Resize(ref _bytes, (int)Math.Min(limit, Math.Max(2L * _bytes.Length, Length + (long)count)));
        }

        Span<byte> room = _bytes.AsSpan(Length, count);
        Length += count;
        return room;
    }

    public void Append(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Append(bytes.Length));

    /// <summary>Writes again what stands some bytes before the end; the copy may run into itself.</summary>
    public void Repeat(long distance, int count)
    {
        if (distance <= 0 || distance > Length)
        {
            throw new InvalidDataException("compressed bytes refer to what is before their begin");
        }

        int from = Length - (int)distance;
        Span<byte> room = Append(count);
        if (distance >= count)
        {
            _bytes.AsSpan(from, count).CopyTo(room);
            return;
        }

        for (int i = 0; i < count; i++)
        {
            room[i] = _bytes[from + i];
        }
    }

    /// <summary>What was written, which must be all that was stated.</summary>
    public byte[] Complete()
    {
        if (Length != limit)
        {
            throw new InvalidDataException($"compressed bytes hold {Length} bytes and claim {limit}");
        }

        return _bytes;
    }
}
