using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace FineTuneTool.Engine.Jit;

/// <summary>
/// A function of one pointer argument in the calling convention of this system (System V or Windows x64). Emitters find the argument in rdi and may use
/// every general register but rsp, and every vector register. The environment variable FINETUNE_JIT_DUMP names a folder that receives a listing of each.
/// </summary>
internal sealed class EmittedFunction
{
    private static readonly AssemblerRegister64[] Preserved = OperatingSystem.IsWindows()
        ? [rbx, rbp, rsi, rdi, r12, r13, r14, r15]
        : [rbx, rbp, r12, r13, r14, r15];

    /// <summary>On Windows the lower halves of these outlive a call.</summary>
    private static readonly AssemblerRegisterXMM[] PreservedVectors = OperatingSystem.IsWindows()
        ? [xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15]
        : [];

    private EmittedFunction(byte[] code, nint address) => (Code, Address) = (code, address);

    public byte[] Code { get; }

    public nint Address { get; }

    /// <param name="name">For listings.</param>
    /// <param name="body">Emits the body; it ends by falling off its end.</param>
    public static EmittedFunction Emit(string name, Action<Assembler> body)
    {
        byte[] code = Assemble(body);
        nint address = ExecutableMemory.Install(code);
        if (Environment.GetEnvironmentVariable("FINETUNE_JIT_DUMP") is { Length: > 0 } folder)
        {
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, name + ".asm"), Listing(code));
        }

        return new EmittedFunction(code, address);
    }

    /// <summary>The code of <see cref="Emit"/>, which runs at any address.</summary>
    public static byte[] Assemble(Action<Assembler> body)
    {
        var assembler = new Assembler(64);
        int vectorBytes = PreservedVectors.Length * 16;
        foreach (AssemblerRegister64 register in Preserved)
        {
            assembler.push(register);
        }

        if (vectorBytes > 0)
        {
            assembler.sub(rsp, vectorBytes);
            for (int i = 0; i < PreservedVectors.Length; i++)
            {
                assembler.vmovups(__xmmword_ptr[rsp + i * 16], PreservedVectors[i]);
            }

            assembler.mov(rdi, rcx);
        }

        body(assembler);
        assembler.vzeroupper();
        for (int i = 0; i < PreservedVectors.Length; i++)
        {
            assembler.vmovups(PreservedVectors[i], __xmmword_ptr[rsp + i * 16]);
        }

        if (vectorBytes > 0)
        {
            assembler.add(rsp, vectorBytes);
        }

        foreach (AssemblerRegister64 register in Preserved.Reverse())
        {
            assembler.pop(register);
        }

        assembler.ret();
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), 0);
        return stream.ToArray();
    }

    private static string Listing(byte[] code)
    {
        var formatter = new NasmFormatter();
        var output = new StringOutput();
        foreach (Instruction instruction in Decoder.Create(64, new ByteArrayCodeReader(code)))
        {
            output.Write(FormattableString.Invariant($"{instruction.IP:x4}  "), FormatterTextKind.Text);
            formatter.Format(instruction, output);
            output.Write("\n", FormatterTextKind.Text);
        }

        return output.ToString();
    }
}
