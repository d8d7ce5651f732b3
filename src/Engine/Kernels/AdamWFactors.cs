namespace FineTuneTool.Engine.Kernels;

/// <summary>The numbers of one AdamW step that are the same for every element, computed in double and rounded once.</summary>
internal readonly struct AdamWFactors(double learningRate, double beta1, double beta2, double epsilon, double weightDecay, long step)
{
    public readonly float Decay = (float)(1 - learningRate * weightDecay);

    public readonly float OneMinusBeta1 = (float)(1 - beta1);

    public readonly float Beta2 = (float)beta2;

    public readonly float OneMinusBeta2 = (float)(1 - beta2);

    public readonly float StepSize = (float)(learningRate / (1 - Math.Pow(beta1, step)));

    public readonly float SecondCorrection = (float)Math.Sqrt(1 - Math.Pow(beta2, step));

    public readonly float Epsilon = (float)epsilon;
}
