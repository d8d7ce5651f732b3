using System.Runtime.Intrinsics.X86;
using FineTuneTool.Engine.Jit;
using FineTuneTool.Engine.Kernels;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace FineTuneTool.Engine.Tests.Jit;

/// <summary>That the interpreter computes as the processor does where both can, and that it refuses what a processor would refuse.</summary>
public sealed unsafe class InterpreterTests
{
    /// <summary>2 rows by 3 pairs: sums in tile 0, left operand in 4, right in 5.</summary>
    private static TileConfiguration Tiles() => TileConfiguration.Of(1, 2, 1, 3);

    /// <summary>So that assembler and decoder, which are of one library, cannot agree on a wrong order of operands.</summary>
    [Fact]
    public void Instructions_of_tiles_are_encoded_as_in_the_manual()
    {
        void Encodes(Action<Assembler> body, string bytes) =>
            Assert.Contains(bytes, Convert.ToHexString(EmittedFunction.Assemble(body)), StringComparison.Ordinal);
        Encodes(a => a.ldtilecfg(__[rdi]), "C4E2784907");
        Encodes(a => a.tilerelease(), "C4E27849C0");
        Encodes(a => a.tilezero(tmm3), "C4E27B49D8");
        Encodes(a => a.tileloadd(tmm1, __[r8 + r12]), "C4827B4B0C20");
        Encodes(a => a.tilestored(__[r8 + r12], tmm1), "C4827A4B0C20");
        Encodes(a => a.tdpbf16ps(tmm1, tmm4, tmm6), "C4E24A5CCC");
    }

    [Fact]
    public void Instructions_do_what_the_processor_does()
    {
        if (!X86Base.X64.IsSupported)
        {
            return;
        }

        void Body(Assembler a)
        {
            Label loop = a.CreateLabel(), skip = a.CreateLabel(), after = a.CreateLabel(), table = a.CreateLabel(), again = a.CreateLabel();
            a.jmp(after);
            a.Label(ref table);
            a.db(1, 2, 3, 4, 5, 6, 7, 8);
            a.Label(ref after);
            a.lea(r8, __[table]);
            a.mov(r8, __[r8]);
            a.mov(rax, __[rdi]);
            a.xor(ecx, ecx);
            a.Label(ref loop);
            a.imul(rdx, rax, 37);
            a.lea(rbx, __[rdx + rax * 4 - 11]);
            a.add(rcx, rbx);
            a.sub(rcx, r8);
            a.cmp(rcx, 1000);
            a.jg(skip);
            a.add(rcx, 77777);
            a.Label(ref skip);
            a.test(rcx, rcx);
            a.je(again);
            a.mov(__[rdi + 8], rcx);
            a.Label(ref again);
            a.dec(__qword_ptr[rdi + 16]);
            a.dec(rax);
            a.jne(loop);
            a.mov(r12d, 0x80000001);
            a.mov(__[rdi + 24], r12);
        }

        foreach (long count in (long[])[1, 2, 9, 1000])
        {
            long[] expected = [count, 5, 3, -1], actual = [.. expected];
            fixed (long* native = expected, interpreted = actual)
            {
                ((delegate* unmanaged<long*, void>)EmittedFunction.Emit("test-interpreter", Body).Address)(native);
                var memory = new MemoryMap();
                memory.Add(interpreted, 32, writable: true);
                new Interpreter(EmittedFunction.Assemble(Body)).Call(interpreted, memory);
            }

            Assert.Equal(expected, actual);
        }
    }

    [Fact]
    public void States_that_the_system_saves_are_those_whose_instructions_run()
    {
        if (X86Base.X64.IsSupported)
        {
            ulong states = TileState.EnabledStates();
            Assert.Equal(Avx.IsSupported, (states & 7) == 7);
            Assert.Equal(Avx512F.IsSupported, (states & 0xE7) == 0xE7);
            Assert.True(!TileState.IsAvailable || (states & 0x60000) == 0x60000);
        }
    }

    [Fact]
    public void Tiles_are_available_only_where_the_system_lists_them()
    {
        if (OperatingSystem.IsLinux() && X86Base.X64.IsSupported)
        {
            string[] flags = File.ReadLines("/proc/cpuinfo").First(line => line.StartsWith("flags", StringComparison.Ordinal)).Split(' ');
            Assert.True(!TileState.IsAvailable || (flags.Contains("amx_tile") && flags.Contains("amx_bf16")));
        }
    }

    [Theory]
    [InlineData(0, 2, "palette")]
    [InlineData(1, 1, "start")]
    [InlineData(5, 1, "reserved")]
    [InlineData(40, 1, "8 tiles")]
    [InlineData(60, 1, "8 tiles")]
    [InlineData(16, 66, "too large")]
    [InlineData(48, 17, "too large")]
    [InlineData(50, 1, "not both")]
    [InlineData(22, 4, "not both")]
    public void A_configuration_with_a_wrong_byte_faults(int at, byte value, string message)
    {
        TileConfiguration configuration = Tiles();
        ((byte*)&configuration)[at] = value;
        Faults(message, configuration, a => { });
    }

    [Fact]
    public void Tiles_that_do_not_fit_each_other_fault()
    {
        void Multiply(Assembler a) => a.tdpbf16ps(tmm0, tmm4, tmm5);
        Runs(Tiles(), Multiply);
        Faults("rows of sums", Changed(48 + 4, 3), Multiply);
        Faults("columns of sums", Changed(16, 32), Multiply);
        Faults("depths", Changed(16 + 8, 8), Multiply);
        Faults("ends within a number", Changed(16 + 8, 11), Multiply);
        Faults("No interpretation", Tiles(), a => a.tdpbf16ps(tmm0, tmm4, tmm4));
        Faults("not configured", Tiles(), a => a.tdpbf16ps(tmm0, tmm4, tmm6));
        Faults("not configured", Tiles(), a => a.tilezero(tmm7));
    }

    [Fact]
    public void Tiles_that_are_in_use_before_or_after_fault()
    {
        Faults("not released", Tiles(), _ => { }, releases: false);
        Faults("not configured", Tiles(), a =>
        {
            a.tilerelease();
            a.tilezero(tmm0);
        });
    }

    [Fact]
    public void Memory_beyond_the_operands_faults()
    {
        // The argument is a configuration: 64 bytes, of which a tile of 3 rows of 16 bytes reads 48, or from byte 32 on too many.
        TileConfiguration configuration = default;
        configuration.Palette = 1;
        configuration.RowBytes[0] = 16;
        configuration.Rows[0] = 3;
        void Load(Assembler a, int at)
        {
            a.mov(rcx, 16);
            a.tileloadd(tmm0, __[rdi + rcx + at]);
        }

        Runs(configuration, a => Load(a, 16));
        Faults("outside", configuration, a => Load(a, 32));
        Faults("outside", configuration, a => Load(a, -1));
        Faults("outside", configuration, a => a.mov(rax, __[rdi + 57]));
        Faults("outside", configuration, a => a.mov(__[rdi], rax));
    }

    [Fact]
    public void What_is_not_interpreted_faults()
    {
        Faults("No interpretation", Tiles(), a => a.vdpbf16ps(zmm0, zmm1, zmm2));
        Faults("No interpretation", Tiles(), a => a.mov(al, 1));
        Faults("flags", Tiles(), a =>
        {
            Label end = a.CreateLabel();
            a.add(rax, 1);
            a.je(end);
            a.Label(ref end);
            a.nop();
        });
        // The place where a register of the caller waits.
        Faults("lost", Tiles(), a => a.mov(__[rsp], rax));
    }

    private static TileConfiguration Changed(int at, byte value)
    {
        TileConfiguration configuration = Tiles();
        ((byte*)&configuration)[at] = value;
        return configuration;
    }

    private static void Faults(string message, TileConfiguration configuration, Action<Assembler> body, bool releases = true) =>
        Assert.Contains(message, Assert.Throws<MachineFault>(() => Runs(configuration, body, releases)).Message, StringComparison.Ordinal);

    /// <summary>Configures tiles by the argument, then runs the body.</summary>
    private static void Runs(TileConfiguration configuration, Action<Assembler> body, bool releases = true)
    {
        var memory = new MemoryMap();
        memory.Add(&configuration, sizeof(TileConfiguration), writable: false);
        new Interpreter(EmittedFunction.Assemble(assembler =>
        {
            assembler.ldtilecfg(__[rdi]);
            body(assembler);
            if (releases)
            {
                assembler.tilerelease();
            }
        })).Call(&configuration, memory);
    }
}
