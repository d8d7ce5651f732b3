using System.Buffers.Binary;

namespace FineTuneTool.Engine.Tokenizers.Normalizers;

/// <summary>
/// The compiled rewriting rules of SentencePiece: the size of a table, the table (a double array of 32-bit units, after darts-clone), and the
/// replacements, each ended by a zero byte. Places outside the tables hold no rule.
/// </summary>
internal sealed class CharsMap
{
    /// <summary>The longest replacement in Unicode's own tables has 33 bytes.</summary>
    private const int LongestReplacement = 1024;

    private readonly uint[] _units;
    private readonly byte[] _replacements;

    /// <summary>Raises <see cref="FormatException"/> where sizes contradict each other.</summary>
    public CharsMap(ReadOnlySpan<byte> blob)
    {
        uint size = blob.Length < 4 ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(blob);
        if (size > blob.Length - 4 || size % 4 != 0 || size == 0)
        {
            throw new FormatException("has a table of another size than it says");
        }

        _units = new uint[size / 4];
        for (int i = 0; i < _units.Length; i++)
        {
            _units[i] = BinaryPrimitives.ReadUInt32LittleEndian(blob[(4 + (4 * i))..]);
        }

        _replacements = blob[(4 + (int)size)..].ToArray();
        int run = 0;
        foreach (byte value in _replacements)
        {
            run = value == 0 ? 0 : run + 1;
            if (run > LongestReplacement)
            {
                throw new FormatException("has a replacement that does not end");
            }
        }
    }

    /// <summary>Finds the shortest rule that some bytes begin with; its replacement is UTF-8, and may be empty.</summary>
    public bool Find(ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> replacement) => Find(bytes, longest: false, out replacement) > 0;

    /// <summary>As <see cref="Find(ReadOnlySpan{byte}, out ReadOnlySpan{byte})"/>, or the longest rule; returns how many bytes it takes, 0 without one.</summary>
    public int Find(ReadOnlySpan<byte> bytes, bool longest, out ReadOnlySpan<byte> replacement)
    {
        replacement = [];
        int taken = 0;
        uint node = Offset(_units[0]);
        for (int i = 0; i < bytes.Length && (longest || taken == 0); i++)
        {
            node ^= bytes[i];
            if (bytes[i] == 0 || node >= (uint)_units.Length || (_units[node] & 0x8000_00FF) != bytes[i])
            {
                break;
            }

            uint unit = _units[node];
            node ^= Offset(unit);
            uint place = node < (uint)_units.Length ? _units[node] & 0x7FFF_FFFF : uint.MaxValue;
            if ((unit & 0x100) != 0 && place < (uint)_replacements.Length)
            {
                ReadOnlySpan<byte> rest = _replacements.AsSpan((int)place);
                int length = rest.IndexOf((byte)0);
                replacement = length < 0 ? rest : rest[..length];
                taken = i + 1;
            }
        }

        return taken;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
}
