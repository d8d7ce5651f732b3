namespace FineTuneTool.Engine.Tensors;

/// <summary>
/// How the elements of a tensor are stored: plain numbers, blocks of quantised ones in rows (GGUF names), or 4-bit blocks of the whole tensor
/// (bitsandbytes names).
/// </summary>
public enum ElementType
{
    F32, F16, BF16, F64, F8_E4M3, F8_E5M2,
    I8, I16, I32, I64, U8, U16, U32, U64, Bool,
    Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL,
    NF4, FP4,
}

public static class ElementTypes
{
    /// <summary>Elements in one block; 1 for plain numbers.</summary>
    public static int BlockElements(this ElementType type) => type switch
    {
        ElementType.Q8_0 or ElementType.Q4_0 or ElementType.Q4_1 or ElementType.Q5_0 or ElementType.Q5_1 or ElementType.IQ4_NL => 32,
        ElementType.Q2_K or ElementType.Q3_K or ElementType.Q4_K or ElementType.Q5_K or ElementType.Q6_K => 256,
        ElementType.NF4 or ElementType.FP4 => 64,
        _ => 1,
    };

    /// <summary>Bytes of one block; of one element for plain numbers.</summary>
    public static int BlockBytes(this ElementType type) => type switch
    {
        ElementType.I8 or ElementType.U8 or ElementType.Bool or ElementType.F8_E4M3 or ElementType.F8_E5M2 => 1,
        ElementType.F16 or ElementType.BF16 or ElementType.I16 or ElementType.U16 => 2,
        ElementType.F32 or ElementType.I32 or ElementType.U32 => 4,
        ElementType.F64 or ElementType.I64 or ElementType.U64 => 8,
        ElementType.Q8_0 => 34,
        ElementType.Q4_0 or ElementType.IQ4_NL => 18,
        ElementType.Q4_1 => 20,
        ElementType.Q5_0 => 22,
        ElementType.Q5_1 => 24,
        ElementType.NF4 or ElementType.FP4 => 36,
        ElementType.Q2_K => 84,
        ElementType.Q3_K => 110,
        ElementType.Q4_K => 144,
        ElementType.Q5_K => 176,
        ElementType.Q6_K => 210,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>Bytes of <paramref name="elements"/> elements of one row; a whole number of blocks is required.</summary>
    public static long Bytes(this ElementType type, long elements)
    {
        int block = type.BlockElements();
        if (elements % block != 0)
        {
            throw new ArgumentException($"{elements} elements are not a whole number of {type} blocks of {block}.", nameof(elements));
        }

        return checked(elements / block * type.BlockBytes());
    }

    /// <summary>
    /// Bytes of a tensor. Its rows are whole blocks, unless <see cref="CrossesRows"/>: then the last block of the tensor may be filled up.
    /// </summary>
    public static long Bytes(this ElementType type, Shape shape)
    {
        if (!type.CrossesRows())
        {
            return checked(type.Bytes(shape.Columns) * shape.Rows);
        }

        int block = type.BlockElements();
        return checked((shape.Count + block - 1) / block * type.BlockBytes());
    }

    /// <summary>Blocks are cut from the flattened tensor, so that one may begin in a row and end in the next.</summary>
    public static bool CrossesRows(this ElementType type) => type is ElementType.NF4 or ElementType.FP4;

    /// <summary>True for block types, whose numbers only exist after decoding.</summary>
    public static bool IsQuantized(this ElementType type) => type.BlockElements() > 1;
}
