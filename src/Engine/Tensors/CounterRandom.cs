namespace FineTuneTool.Engine.Tensors;

/// <summary>What a random stream is for; streams of different purposes never share numbers.</summary>
public enum RandomPurpose : uint
{
    Initialisation = 1,
    Shuffle = 2,
    Dropout = 3,
    Sampling = 4,
    Split = 5,
    EmbeddingNoise = 6,
}

/// <summary>
/// Counter-based random numbers: the number at an index depends only on seed, purpose, stream and index, so that resuming
/// or another thread count changes nothing. Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
/// </summary>
public readonly struct CounterRandom
{
    private readonly uint _key0, _key1, _stream0, _stream1;

    /// <param name="stream">Distinguishes uses within one purpose: a module, a step, an epoch.</param>
    public CounterRandom(ulong seed, RandomPurpose purpose, ulong stream = 0)
    {
        _key0 = (uint)seed ^ ((uint)purpose * 0x9E3779B9u);
        _key1 = (uint)(seed >> 32) ^ (uint)purpose;
        _stream0 = (uint)stream;
        _stream1 = (uint)(stream >> 32);
    }

    /// <summary>The two key words, low first; for kernels that make many blocks at once.</summary>
    internal ulong Key => ((ulong)_key1 << 32) | _key0;

    /// <summary>The two stream words, low first.</summary>
    internal ulong Stream => ((ulong)_stream1 << 32) | _stream0;

    /// <summary>Four independent 32-bit numbers for a block index.</summary>
    public (uint, uint, uint, uint) Block(ulong block)
    {
        uint c0 = (uint)block, c1 = (uint)(block >> 32), c2 = _stream0, c3 = _stream1;
        uint k0 = _key0, k1 = _key1;
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = (ulong)c0 * 0xD2511F53u;
            ulong p1 = (ulong)c2 * 0xCD9E8D57u;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }

        return (c0, c1, c2, c3);
    }

    /// <summary>The 32-bit number at an index.</summary>
    public uint UInt32(ulong index)
    {
        (uint a, uint b, uint c, uint d) = Block(index >> 2);
        return (index & 3) switch { 0 => a, 1 => b, 2 => c, _ => d };
    }

    /// <summary>The 16-bit number at an index: eight of them lie in a block.</summary>
    public ushort UInt16(ulong index) => (ushort)(UInt32(index >> 1) >> (int)(index & 1) * 16);

    /// <summary>Uniform in [0, 1), 24 bits, at an index.</summary>
    public float Uniform(ulong index) => (UInt32(index) >> 8) * (1f / 16777216f);

    /// <summary>Standard normal at an index (Box-Muller over two uniforms of one block).</summary>
    public float Normal(ulong index)
    {
        (uint a, uint b, _, _) = Block(index);
        double u = (a + 1.0) / 4294967297.0;
        double v = b / 4294967296.0;
        return (float)(Math.Sqrt(-2 * Math.Log(u)) * Math.Cos(2 * Math.PI * v));
    }

    /// <summary>A permutation of 0 … count-1 (Fisher-Yates).</summary>
    public int[] Permutation(int count)
    {
        int[] order = new int[count];
        for (int i = 0; i < count; i++)
        {
            order[i] = i;
        }

        for (int i = count - 1; i > 0; i--)
        {
            (uint high, uint low, _, _) = Block((ulong)i);
            ulong random = ((ulong)high << 32) | low;
            int j = (int)Math.BigMul(random, (ulong)(i + 1), out _);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }
}
