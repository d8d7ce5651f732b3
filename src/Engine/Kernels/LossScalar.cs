namespace FineTuneTool.Engine.Kernels;

internal sealed unsafe class LossScalar : LossKernel
{
    public override float Loss(float* logits, int count, int target, float softCap, bool gradient, out bool correct)
    {
        int best = 0;
        for (int i = 0; i < count; i++)
        {
            logits[i] = softCap > 0 ? softCap * MathF.Tanh(logits[i] / softCap) : logits[i];
            best = logits[i] > logits[best] ? i : best;
        }

        float largest = logits[best];
        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += MathF.Exp(logits[i] - largest);
        }

        float logSum = largest + (float)Math.Log(sum);
        float loss = logSum - logits[target];
        correct = best == target;
        for (int i = 0; gradient && i < count; i++)
        {
            float ratio = softCap > 0 ? logits[i] / softCap : 0;
            float probability = MathF.Exp(logits[i] - logSum);
            logits[i] = (probability - (i == target ? 1 : 0)) * (1 - ratio * ratio);
        }

        return loss;
    }
}
