using FineTuneTool.Engine.Quantization;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Kernels;

/// <summary>The float of every half-precision number: two loads for a scale, which leave the vector units to the weights.</summary>
internal static unsafe class F16Table
{
    private static readonly NativeBuffer Memory = Make();

    /// <summary>65,536 floats.</summary>
    public static readonly float* Floats = (float*)Memory.Pointer;

    private static NativeBuffer Make()
    {
        var memory = new NativeBuffer(65536 * sizeof(float));
        for (int half = 0; half < 65536; half++)
        {
            ((float*)memory.Pointer)[half] = F16Format.Widen((ushort)half);
        }

        return memory;
    }
}
