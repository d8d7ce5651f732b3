using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FineTuneTool.Engine.Tests.Jit;

/// <summary>Tile registers of palette 1 and TDPBF16PS, by the operations and exceptions of the Intel SDM.</summary>
internal sealed unsafe class TileUnit
{
    private const int Count = 8, MaxRows = 16, MaxRowBytes = 64, RowDwords = MaxRowBytes / sizeof(uint);
    private const float Smallest = 1.17549435e-38f;

    private readonly uint[][] _data = [.. Enumerable.Range(0, Count).Select(_ => new uint[MaxRows * RowDwords])];
    private readonly int[] _rows = new int[Count], _rowBytes = new int[Count];

    public bool IsConfigured { get; private set; }

    /// <summary>LDTILECFG of those 64 bytes. #GP where they are not a configuration.</summary>
    public void Configure(byte* memory)
    {
        Release();
        if (memory[0] == 0)
        {
            return;
        }

        Require(memory[0] == 1, "#GP: there is no such palette.");
        Require(memory[1] == 0, "Nothing was interrupted: there is no row to start from.");
        Require(!new Span<byte>(memory + 2, 14).ContainsAnyExcept((byte)0), "#GP: reserved bytes are not zero.");
        Require(!new Span<byte>(memory + 32, 16).ContainsAnyExcept((byte)0), "#GP: there are only 8 tiles.");
        Require(!new Span<byte>(memory + 56, 8).ContainsAnyExcept((byte)0), "#GP: there are only 8 tiles.");
        for (int tile = 0; tile < Count; tile++)
        {
            (_rowBytes[tile], _rows[tile]) = (((ushort*)(memory + 16))[tile], memory[48 + tile]);
            Require(_rowBytes[tile] <= MaxRowBytes && _rows[tile] <= MaxRows, "#GP: a tile is too large.");
            Require(_rowBytes[tile] == 0 == (_rows[tile] == 0), "#GP: a tile has rows or columns, but not both.");
        }

        IsConfigured = true;
    }

    /// <summary>TILERELEASE.</summary>
    public void Release()
    {
        IsConfigured = false;
        Array.Clear(_rows);
        Array.Clear(_rowBytes);
        Array.ForEach(_data, Array.Clear);
    }

    public void Zero(int tile)
    {
        CheckValid(tile);
        Array.Clear(_data[tile]);
    }

    public void Load(int tile, ulong address, ulong stride, MemoryMap memory)
    {
        CheckValid(tile);
        Array.Clear(_data[tile]);
        for (int row = 0; row < _rows[tile]; row++)
        {
            var source = new ReadOnlySpan<uint>(memory.Read(address + (ulong)row * stride, _rowBytes[tile]), _rowBytes[tile] / sizeof(uint));
            source.CopyTo(_data[tile].AsSpan(row * RowDwords));
        }
    }

    public void Store(int tile, ulong address, ulong stride, MemoryMap memory)
    {
        CheckValid(tile);
        for (int row = 0; row < _rows[tile]; row++)
        {
            var target = new Span<uint>(memory.Write(address + (ulong)row * stride, _rowBytes[tile]), _rowBytes[tile] / sizeof(uint));
            _data[tile].AsSpan(row * RowDwords, target.Length).CopyTo(target);
        }
    }

    /// <summary>TDPBF16PS of three different tiles: even and odd depths are summed from zero by fused multiply-adds, then added to each other, then to the sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void MultiplyPairs(int sums, int left, int right)
    {
        CheckValid(sums);
        CheckValid(left);
        CheckValid(right);
        Require(_rows[sums] == _rows[left], "#UD: rows of sums and left operand differ.");
        Require(_rowBytes[sums] == _rowBytes[right], "#UD: columns of sums and right operand differ.");
        Require(_rowBytes[left] / sizeof(uint) == _rows[right], "#UD: depths of the operands differ.");
        Vector512<uint> upper = Vector512.Create(0xFFFF0000);
        for (int row = 0; row < _rows[sums]; row++)
        {
            Vector512<float> even = Vector512<float>.Zero, odd = Vector512<float>.Zero;
            for (int pair = 0; pair < _rows[right]; pair++)
            {
                Vector512<uint> a = Vector512.Create(_data[left][row * RowDwords + pair]), b = Vector512.Create(_data[right].AsSpan(pair * RowDwords, RowDwords));
                even = MultiplyAdd((a << 16).AsSingle(), (b << 16).AsSingle(), even);
                odd = MultiplyAdd((a & upper).AsSingle(), (b & upper).AsSingle(), odd);
            }

            Span<uint> target = _data[sums].AsSpan(row * RowDwords, RowDwords);
            Vector512<float> sum = Flush(Flush(Vector512.Create(target).AsSingle()) + Flush(even + odd));
            for (int column = 0; column < _rowBytes[sums] / sizeof(uint); column++)
            {
                target[column] = sum.AsUInt32()[column];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> MultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> c)
    {
        (a, b) = (Flush(a), Flush(b));
        Vector512<float> sum = Vector512.FusedMultiplyAdd(a, b, c);
        for (int i = 0; i < RowDwords && Vector512.EqualsAny(Vector512.Abs(sum), Vector512.Create(Smallest)); i++)
        {
            // Tiny is what is below the smallest normal number when it is rounded to 24 bits, of which numbers around it do not have all.
            float scaled = MathF.Abs(a[i]) < MathF.Abs(b[i])
                ? MathF.FusedMultiplyAdd(MathF.ScaleB(a[i], 64), b[i], MathF.ScaleB(c[i], 64))
                : MathF.FusedMultiplyAdd(a[i], MathF.ScaleB(b[i], 64), MathF.ScaleB(c[i], 64));
            if (MathF.Abs(sum[i]) == Smallest && MathF.Abs(scaled) < MathF.ScaleB(Smallest, 64))
            {
                sum = sum.WithElement(i, MathF.CopySign(0, sum[i]));
            }
        }

        return Flush(sum);
    }

    /// <summary>Denormals are zero, as operands and as results.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Flush(Vector512<float> numbers) => Vector512.ConditionalSelect(
        Vector512.LessThan(Vector512.Abs(numbers), Vector512.Create(Smallest)), (numbers.AsUInt32() & Vector512.Create(0x80000000)).AsSingle(), numbers);

    private void CheckValid(int tile)
    {
        Require(IsConfigured && _rows[tile] > 0, "#UD: a tile is not configured.");
        Require(_rowBytes[tile] % sizeof(uint) == 0, "#UD: a row ends within a number.");
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new MachineFault(otherwise);
        }
    }
}
