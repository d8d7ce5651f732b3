using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Quantization;

/// <summary>
/// Brings weights from one storage into another. Pieces of the flattened tensor are decoded and encoded on several threads, so that its numbers
/// never lie in memory as a whole; the result does not depend on how many there are.
/// </summary>
public static unsafe class WeightConverter
{
    /// <summary>Elements of one piece: whole blocks of every type and of every block size.</summary>
    private const int PieceElements = 1 << 16;

    /// <summary>The tensor in a storage; itself where it is stored so already and has no scales to be nested.</summary>
    public static StoredTensor Convert(StoredTensor source, WeightStorage storage, int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        if (source.Type == storage.Type)
        {
            return source;
        }

        var target = new NativeBuffer(storage.Type.Bytes(source.Shape));
        long count = source.Shape.Count;
        Parallel.For(
            0, (count + PieceElements - 1) / PieceElements, new ParallelOptions { MaxDegreeOfParallelism = threads }, () => new float[PieceElements],
            (piece, _, numbers) =>
            {
                long first = piece * PieceElements;
                Convert(source, first, (int)Math.Min(PieceElements, count - first), numbers, storage, target.Pointer);
                return numbers;
            },
            _ => { });
        if (storage.DoubleQuantization)
        {
            NestScales(target, storage.BlockSize / FourBitFormat.Elements);
        }

        GC.KeepAlive(source);
        return new StoredTensor(source.Name, storage.Type, source.Shape, target.Pointer, target.Length, target);
    }

    private static void Convert(StoredTensor source, long first, int count, float[] numbers, WeightStorage storage, byte* target)
    {
        WeightFormat format = WeightDecoder.Format(storage.Type);
        int elements = storage.Type.BlockElements(), blocks = (count + elements - 1) / elements;
        byte* to = target + first / elements * storage.Type.BlockBytes();
        fixed (float* values = numbers)
        {
            WeightDecoder.Decode(source.Type, source.Pointer, first, count, values);
            numbers.AsSpan(count, blocks * elements - count).Clear();
            if (format is FourBitFormat fourBit)
            {
                fourBit.Encode(values, blocks, storage.BlockSize / elements, to);
            }
            else
            {
                format.Encode(values, blocks, to);
            }
        }
    }

    private static void NestScales(NativeBuffer target, int blocksOfScale)
    {
        long blocks = target.Length / FourBitFormat.Bytes;
        float[] scales = new float[(blocks + blocksOfScale - 1) / blocksOfScale];
        for (int i = 0; i < scales.Length; i++)
        {
            scales[i] = FourBitFormat.Scale(target.Pointer + (long)i * blocksOfScale * FourBitFormat.Bytes);
        }

        float[] nested = NestedScales.Encode(scales).Decode(DynamicMap.Signed);
        for (long block = 0; block < blocks; block++)
        {
            FourBitFormat.SetScale(target.Pointer + block * FourBitFormat.Bytes, nested[block / blocksOfScale]);
        }
    }
}
