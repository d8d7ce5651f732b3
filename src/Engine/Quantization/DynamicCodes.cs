namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// The nearest code of a <see cref="DynamicMap"/> by one look into a table: the upper half of a number's bits says between which two codes it lies,
/// since no two middles between codes share such a half. Of two equally near codes it is the lower, as everywhere.
/// </summary>
public sealed class DynamicCodes
{
    private readonly float[] _map;

    /// <summary>By the upper 16 bits: the code of the smallest number that has them.</summary>
    private readonly byte[] _lower = new byte[1 << 16];

    /// <summary>Up to this number a code is the nearest; exact, as the sum of two floats is in double.</summary>
    private readonly double[] _middles = new double[256];

    /// <param name="map">256 numbers in rising order.</param>
    public DynamicCodes(ReadOnlySpan<float> map)
    {
        _map = map.ToArray();
        for (int code = 0; code < _middles.Length; code++)
        {
            _middles[code] = code + 1 < _map.Length ? ((double)_map[code] + _map[code + 1]) / 2 : double.PositiveInfinity;
        }

        for (int half = 0; half < _lower.Length; half++)
        {
            // Of negative numbers the smallest is the one with the largest magnitude.
            float smallest = BitConverter.Int32BitsToSingle((half << 16) | (half >= 0x8000 ? 0xFFFF : 0));
            _lower[half] = float.IsFinite(smallest) ? DynamicMap.Nearest(_map, smallest) : smallest > 0 ? (byte)255 : (byte)0;
        }
    }

    /// <summary>The numbers of the codes.</summary>
    public ReadOnlySpan<float> Map => _map;

    public byte Nearest(float value)
    {
        byte code = _lower[BitConverter.SingleToUInt32Bits(value) >> 16];
        return value > _middles[code] ? (byte)(code + 1) : code;
    }
}
