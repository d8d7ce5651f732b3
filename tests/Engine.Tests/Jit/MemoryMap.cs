namespace FineTuneTool.Engine.Tests.Jit;

/// <summary>The memory that interpreted code may touch; an access lies in one region as a whole.</summary>
internal sealed unsafe class MemoryMap
{
    private readonly List<(ulong Start, ulong End, bool Writable)> _regions = [];

    public void Add(void* start, long bytes, bool writable) => _regions.Add(((ulong)start, (ulong)start + (ulong)bytes, writable));

    /// <summary>A region for each row: what lies between rows is nobody's.</summary>
    public void AddRows(void* start, long step, int rows, long bytes, bool writable)
    {
        for (int row = 0; row < rows; row++)
        {
            Add((byte*)start + row * step, bytes, writable);
        }
    }

    public byte* Read(ulong address, int bytes) => Check(address, bytes, writes: false);

    public byte* Write(ulong address, int bytes) => Check(address, bytes, writes: true);

    private byte* Check(ulong address, int bytes, bool writes)
    {
        foreach ((ulong start, ulong end, bool writable) in _regions)
        {
            if (address >= start && address + (ulong)bytes <= end && (writable || !writes))
            {
                return (byte*)address;
            }
        }

        throw new MachineFault($"{bytes} bytes at {address:x} are {(writes ? "written" : "read")} outside the operands.");
    }
}
