using System.Buffers.Binary;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>
/// Walks over the fields of one protocol buffer message (wire format of proto2). What is cut off or malformed raises
/// <see cref="FormatException"/>; nothing is allocated.
/// </summary>
internal ref struct ProtoReader(ReadOnlySpan<byte> message)
{
    private const int VarintWire = 0, Fixed64Wire = 1, BytesWire = 2, Fixed32Wire = 5;

    private ReadOnlySpan<byte> _rest = message;
    private int _wire;

    /// <summary>The number of the field that <see cref="Next"/> went to.</summary>
    public int Field { get; private set; }

    /// <summary>Goes to the next field; its value must then be read or skipped.</summary>
    public bool Next()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        ulong tag = ReadVarint();
        if (tag >> 3 is 0 or > int.MaxValue)
        {
            throw new FormatException("has a field without a number");
        }

        Field = (int)(tag >> 3);
        _wire = (int)(tag & 7);
        return true;
    }

    public long Integer()
    {
        Expect(VarintWire);
        return (long)ReadVarint();
    }

    public bool Flag() => Integer() != 0;

    public float Float()
    {
        Expect(Fixed32Wire);
        return BinaryPrimitives.ReadSingleLittleEndian(Take(4));
    }

    public ReadOnlySpan<byte> Bytes()
    {
        Expect(BytesWire);
        return Take(ReadVarint());
    }

    public void Skip()
    {
        switch (_wire)
        {
            case VarintWire:
                ReadVarint();
                break;
            case Fixed64Wire:
                Take(8);
                break;
            case BytesWire:
                Take(ReadVarint());
                break;
            case Fixed32Wire:
                Take(4);
                break;
            default:
                throw new FormatException($"has a field of the kind {_wire}, which there is not");
        }
    }

    private readonly void Expect(int wire)
    {
        if (_wire != wire)
        {
            throw new FormatException($"has in field {Field} a value of another kind");
        }
    }

    private ulong ReadVarint()
    {
        ulong value = 0;
        for (int i = 0; i < _rest.Length && i < 10; i++)
        {
            value |= (ulong)(_rest[i] & 0x7F) << (7 * i);
            if (_rest[i] < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return value;
            }
        }

        throw new FormatException("is cut off in a number");
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)_rest.Length)
        {
            throw new FormatException("is cut off");
        }

        ReadOnlySpan<byte> taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }
}
