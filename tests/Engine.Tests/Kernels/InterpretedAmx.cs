using FineTuneTool.Engine.Jit;
using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Tests.Jit;

namespace FineTuneTool.Engine.Tests.Kernels;

/// <summary>The code of <see cref="PairKernelAmx"/> on any machine: interpreted, and kept to the operands that a call declares.</summary>
internal sealed unsafe class InterpretedAmx() : PairKernelAmx(new BFloat16Scalar())
{
    public const string Name = "amx, interpreted";

    /// <summary>The plain forms with these products.</summary>
    public static readonly KernelSet Set = new(Name, true)
    {
        Product = KernelSet.Scalar.Product,
        Pairs = new InterpretedAmx(),
        Conversion = KernelSet.Scalar.Conversion,
        Packer = KernelSet.Scalar.Packer,
        Dropout = KernelSet.Scalar.Dropout,
        VectorMath = KernelSet.Scalar.VectorMath,
        RmsNorm = KernelSet.Scalar.RmsNorm,
        Rope = KernelSet.Scalar.Rope,
        GatedActivation = KernelSet.Scalar.GatedActivation,
        Attention = KernelSet.Scalar.Attention,
        Scores = KernelSet.Scalar.Scores,
        Loss = KernelSet.Scalar.Loss,
        AdamW = KernelSet.Scalar.AdamW,
    };

    private readonly ThreadLocal<Dictionary<(int, int), Interpreter>> _interpreters = new(() => []);
    private readonly ThreadLocal<(int Rows, int Width, PanelRun Run)> _call = new();

    public override void Multiply(int rows, int width, PanelRun run)
    {
        _call.Value = (rows, width, run);
        base.Multiply(rows, width, run);
    }

    protected override void Call(int rowTiles, int columnTiles, TileRun* tiles)
    {
        Dictionary<(int, int), Interpreter> interpreters = _interpreters.Value!;
        if (!interpreters.TryGetValue((rowTiles, columnTiles), out Interpreter? interpreter))
        {
            interpreter = new Interpreter(EmittedFunction.Assemble(assembler => TileEmitter.Emit(assembler, rowTiles, columnTiles)));
            interpreters[(rowTiles, columnTiles)] = interpreter;
        }

        (int rows, int width, PanelRun run) = _call.Value;
        var memory = new MemoryMap();
        memory.AddRows(run.Left, run.LeftStep, rows, run.Pairs * sizeof(uint), writable: false);
        memory.AddRows(run.Second, run.SecondStep, rows, run.SecondPairs * sizeof(uint), writable: false);
        memory.Add(run.Right, (run.Pairs + run.SecondPairs) * width * sizeof(uint), writable: false);
        memory.AddRows(run.Sums, run.SumsStep, rows, width * sizeof(float), writable: true);
        memory.Add(tiles, sizeof(TileRun), writable: true);
        memory.Add(tiles->Configuration, sizeof(TileConfiguration), writable: false);
        interpreter.Call(tiles, memory);
    }
}
