using System.Runtime.Intrinsics;
using FineTuneTool.Engine.Jit;
using Iced.Intel;

namespace FineTuneTool.Engine.Tests.Jit;

/// <summary>
/// Runs what <see cref="EmittedFunction"/> assembles instruction by instruction over real memory, for instructions that this machine may lack. Knows those that the
/// emitters of tiles use and no other. Faults where code touches memory that is not in the map, and where it returns with tiles in use or registers lost.
/// </summary>
internal sealed unsafe class Interpreter
{
    private const ulong ReturnAddress = 0xFFFF_0000_0000_0000;
    private const int StackBytes = 512;

    private static readonly Register[] Preserved = OperatingSystem.IsWindows()
        ? [Register.RBX, Register.RBP, Register.RSP, Register.RSI, Register.RDI, Register.R12, Register.R13, Register.R14, Register.R15]
        : [Register.RBX, Register.RBP, Register.RSP, Register.R12, Register.R13, Register.R14, Register.R15];

    private readonly byte[] _code;
    private readonly Dictionary<ulong, Instruction> _instructions = [];
    private readonly ulong[] _registers = new ulong[16];
    private readonly Vector128<byte>[] _vectors = new Vector128<byte>[16];
    private readonly TileUnit _tiles = new();
    private MemoryMap _memory = new();
    private bool _isZero, _isNegative, _overflows, _hasFlags;

    public Interpreter(byte[] code)
    {
        _code = GC.AllocateUninitializedArray<byte>(code.Length, pinned: true);
        code.CopyTo(_code, 0);
    }

    /// <summary>How often each instruction ran so far.</summary>
    public Dictionary<Mnemonic, int> Executed { get; } = [];

    /// <summary>Calls the function; the map is all of the memory that it may touch beyond its own code and stack.</summary>
    public void Call(void* argument, MemoryMap memory)
    {
        ulong* stack = stackalloc ulong[StackBytes / sizeof(ulong)];
        stack[StackBytes / sizeof(ulong) - 1] = ReturnAddress;
        _memory = memory;
        fixed (byte* code = _code)
        {
            memory.Add(code, _code.Length, writable: false);
            memory.Add(stack, StackBytes, writable: true);
            for (int i = 0; i < _registers.Length; i++)
            {
                _registers[i] = 0xDEAD_BEEF_0000_0000 + (ulong)i;
            }

            this[OperatingSystem.IsWindows() ? Register.RCX : Register.RDI] = (ulong)argument;
            this[Register.RSP] = (ulong)(stack + StackBytes / sizeof(ulong) - 1);
            ulong[] before = [.. Preserved.Select(register => this[register])];
            for (ulong at = (ulong)code; at != ReturnAddress;)
            {
                at = Execute(Decode(at));
            }

            before[Array.IndexOf(Preserved, Register.RSP)] += sizeof(ulong);
            Require(before.SequenceEqual(Preserved.Select(register => this[register])), "A register of the caller is lost.");
            Require(!_tiles.IsConfigured, "Tiles are not released.");
        }
    }

    private ref ulong this[Register register] => ref _registers[register.GetFullRegister() - Register.RAX];

    private Instruction Decode(ulong at)
    {
        if (!_instructions.TryGetValue(at, out Instruction instruction))
        {
            fixed (byte* code = _code)
            {
                Require(at >= (ulong)code && at < (ulong)code + (ulong)_code.Length, "A jump leaves the function.");
                int start = (int)(at - (ulong)code);
                Decoder.Create(64, new ByteArrayCodeReader(_code, start, _code.Length - start), at).Decode(out instruction);
            }

            _instructions[at] = instruction;
        }

        return instruction;
    }

    /// <summary>Returns the address of the next instruction.</summary>
    private ulong Execute(in Instruction instruction)
    {
        Executed[instruction.Mnemonic] = Executed.GetValueOrDefault(instruction.Mnemonic) + 1;
        Require(!instruction.IsJccShortOrNear || _hasFlags, "A jump looks at flags that are not interpreted.");
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Mov:
                Set(instruction, Get(instruction, 1));
                break;
            case Mnemonic.Lea:
                Set(instruction, Address(instruction, withIndex: true));
                break;
            case Mnemonic.Add:
                Set(instruction, Get(instruction, 0) + Get(instruction, 1));
                _hasFlags = false;
                break;
            case Mnemonic.Sub:
                Set(instruction, Compare(Get(instruction, 0), Get(instruction, 1)));
                break;
            case Mnemonic.Cmp:
                Compare(Get(instruction, 0), Get(instruction, 1));
                break;
            case Mnemonic.Dec:
                Set(instruction, Compare(Get(instruction, 0), 1));
                break;
            case Mnemonic.Test:
                Compare(Get(instruction, 0) & Get(instruction, 1), 0);
                break;
            case Mnemonic.Xor:
                Set(instruction, Get(instruction, 0) ^ Get(instruction, 1));
                _hasFlags = false;
                break;
            case Mnemonic.Imul when instruction.OpCount == 3:
                Set(instruction, Get(instruction, 1) * Get(instruction, 2));
                _hasFlags = false;
                break;
            case Mnemonic.Push:
                this[Register.RSP] -= sizeof(ulong);
                *(ulong*)_memory.Write(this[Register.RSP], sizeof(ulong)) = Get(instruction, 0);
                break;
            case Mnemonic.Pop:
                Set(instruction, Pop());
                break;
            case Mnemonic.Ret:
                return Pop();
            case Mnemonic.Jmp:
            case Mnemonic.Je when _isZero:
            case Mnemonic.Jne when !_isZero:
            case Mnemonic.Jg when !_isZero && _isNegative == _overflows:
                return instruction.NearBranch64;
            case Mnemonic.Je or Mnemonic.Jne or Mnemonic.Jg or Mnemonic.Vzeroupper:
                break;
            case Mnemonic.Vmovups when instruction.Op0Kind == OpKind.Memory:
                *(Vector128<byte>*)_memory.Write(Address(instruction, withIndex: true), 16) = _vectors[instruction.Op1Register - Register.XMM0];
                break;
            case Mnemonic.Vmovups when instruction.Op0Register.IsXMM():
                _vectors[instruction.Op0Register - Register.XMM0] = *(Vector128<byte>*)_memory.Read(Address(instruction, withIndex: true), 16);
                break;
            default:
                ExecuteTiles(instruction);
                break;
        }

        return instruction.NextIP;
    }

    private void ExecuteTiles(in Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Ldtilecfg:
                _tiles.Configure(_memory.Read(Address(instruction, withIndex: true), 64));
                break;
            case Mnemonic.Tilerelease:
                _tiles.Release();
                break;
            case Mnemonic.Tilezero:
                _tiles.Zero(Tile(instruction.Op0Register));
                break;
            case Mnemonic.Tileloadd:
                _tiles.Load(Tile(instruction.Op0Register), Address(instruction, withIndex: false), Stride(instruction), _memory);
                break;
            case Mnemonic.Tilestored:
                _tiles.Store(Tile(instruction.Op1Register), Address(instruction, withIndex: false), Stride(instruction), _memory);
                break;
            case Mnemonic.Tdpbf16ps:
                _tiles.MultiplyPairs(Tile(instruction.Op0Register), Tile(instruction.Op1Register), Tile(instruction.Op2Register));
                break;
            default:
                throw new MachineFault($"No interpretation of: {instruction}");
        }
    }

    private static int Tile(Register register) => register - Register.TMM0;

    private ulong Address(in Instruction instruction, bool withIndex) => instruction.IsIPRelativeMemoryOperand
        ? instruction.IPRelativeMemoryAddress
        : (instruction.MemoryBase == Register.None ? 0 : this[instruction.MemoryBase]) + instruction.MemoryDisplacement64 + (withIndex ? Stride(instruction) : 0);

    private ulong Stride(in Instruction instruction) =>
        instruction.MemoryIndex == Register.None ? 0 : this[instruction.MemoryIndex] * (ulong)instruction.MemoryIndexScale;

    private ulong Get(in Instruction instruction, int operand) => instruction.GetOpKind(operand) switch
    {
        OpKind.Register => instruction.GetOpRegister(operand).GetSize() switch
        {
            8 => this[instruction.GetOpRegister(operand)],
            4 => (uint)this[instruction.GetOpRegister(operand)],
            _ => throw new MachineFault($"No interpretation of: {instruction}"),
        },
        OpKind.Memory when instruction.MemorySize.GetSize() == 8 => *(ulong*)_memory.Read(Address(instruction, withIndex: true), 8),
        OpKind.Memory when instruction.MemorySize.GetSize() == 4 => *(uint*)_memory.Read(Address(instruction, withIndex: true), 4),
        OpKind.Immediate8to64 or OpKind.Immediate32to64 or OpKind.Immediate64 => instruction.GetImmediate(operand),
        OpKind.Immediate32 => (uint)instruction.GetImmediate(operand),
        _ => throw new MachineFault($"No interpretation of: {instruction}"),
    };

    /// <summary>The first operand becomes the value; 32 bits clear the upper half of a register.</summary>
    private void Set(in Instruction instruction, ulong value)
    {
        if (instruction.Op0Kind == OpKind.Register)
        {
            this[instruction.Op0Register] = instruction.Op0Register.GetSize() == 4 ? (uint)value : value;
        }
        else if (instruction.MemorySize.GetSize() == 8)
        {
            *(ulong*)_memory.Write(Address(instruction, withIndex: true), 8) = value;
        }
        else
        {
            throw new MachineFault($"No interpretation of: {instruction}");
        }
    }

    /// <summary>a - b and the flags that jumps look at, those of 64 bits.</summary>
    private ulong Compare(ulong a, ulong b)
    {
        ulong difference = a - b;
        _hasFlags = true;
        _isZero = difference == 0;
        _isNegative = (long)difference < 0;
        _overflows = (long)((a ^ b) & (a ^ difference)) < 0;
        return difference;
    }

    private ulong Pop()
    {
        ulong value = *(ulong*)_memory.Read(this[Register.RSP], sizeof(ulong));
        this[Register.RSP] += sizeof(ulong);
        return value;
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new MachineFault(otherwise);
        }
    }
}
