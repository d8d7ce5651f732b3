namespace FineTuneTool.Engine.Kernels;

/// <summary>The numbers of one 8-bit AdamW step that are the same for every element, computed in double and rounded once.</summary>
internal readonly struct AdamW8BitFactors(double learningRate, double beta1, double beta2, double epsilon, double weightDecay, long step)
{
    public readonly float Decay = (float)(1 - learningRate * weightDecay);

    public readonly float Beta1 = (float)beta1;

    public readonly float OneMinusBeta1 = (float)(1 - beta1);

    public readonly float Beta2 = (float)beta2;

    public readonly float OneMinusBeta2 = (float)(1 - beta2);

    public readonly float StepSize = (float)(learningRate * Correction(beta2, step) / (1 - Math.Pow(beta1, step)));

    public readonly float Epsilon = (float)(Correction(beta2, step) * epsilon);

    private static double Correction(double beta2, long step) => Math.Sqrt(1 - Math.Pow(beta2, step));
}
