using System.Diagnostics;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Backends;

/// <summary>Passes every operation on to another backend and adds up the time of each. Owns the other.</summary>
public sealed class TimedBackend(Backend inner) : Backend
{
    private readonly Dictionary<string, OperationTime> _times = [];

    public override string Name => inner.Name;

    public override int Threads => inner.Threads;

    public override ElementType ActivationType => inner.ActivationType;

    /// <summary>Calls and seconds by operation since the last <see cref="Reset"/>, the longest first.</summary>
    public IReadOnlyList<OperationTime> Times => [.. _times.Values.OrderByDescending(time => time.Seconds)];

    public void Reset() => _times.Clear();

    public override Tensor Allocate(Shape shape, ElementType type = ElementType.F32) => inner.Allocate(shape, type);

    public override Tensor AllocatePaged(Shape shape, ElementType type, string folder) => inner.AllocatePaged(shape, type, folder);

    public override void PageOut(Tensor tensor) => inner.PageOut(tensor);

    public override Tensor Load(StoredTensor stored) => inner.Load(stored);

    public override void Write(Tensor target, ReadOnlySpan<float> values, long offset = 0) => inner.Write(target, values, offset);

    public override void Read(Tensor source, Span<float> values, long offset = 0) => inner.Read(source, values, offset);

    public override void ReadBytes(Tensor source, Span<byte> bytes, long offset = 0) => inner.ReadBytes(source, bytes, offset);

    public override void WriteBytes(Tensor target, ReadOnlySpan<byte> bytes, long offset = 0) => inner.WriteBytes(target, bytes, offset);

    public override void Zero(Tensor target) => Time(nameof(Zero), () => inner.Zero(target));

    public override void Copy(Tensor source, Tensor target) => Time(nameof(Copy), () => inner.Copy(source, target));

    public override void Add(Tensor target, Tensor source, float factor = 1) => Time(nameof(Add), () => inner.Add(target, source, factor));

    public override void Scale(Tensor target, float factor) => Time(nameof(Scale), () => inner.Scale(target, factor));

    public override void SoftCap(Tensor target, float cap) => Time(nameof(SoftCap), () => inner.SoftCap(target, cap));

    public override void Embed(ReadOnlySpan<int> ids, Tensor table, float scale, Tensor y)
    {
        int[] copy = [.. ids];
        Time(nameof(Embed), () => inner.Embed(copy, table, scale, y));
    }

    public override void AddNoise(Tensor x, ReadOnlySpan<float> magnitudes, ulong seed, ulong stream)
    {
        float[] copy = [.. magnitudes];
        Time(nameof(AddNoise), () => inner.AddNoise(x, copy, seed, stream));
    }

    public override void EmbedBackward(ReadOnlySpan<int> ids, Tensor dy, float scale, Tensor dTable)
    {
        int[] copy = [.. ids];
        Time(nameof(EmbedBackward), () => inner.EmbedBackward(copy, dy, scale, dTable));
    }

    public override void GatherRows(Tensor x, ReadOnlySpan<int> rows, Tensor y)
    {
        int[] copy = [.. rows];
        Time(nameof(GatherRows), () => inner.GatherRows(x, copy, y));
    }

    public override void ScatterAddRows(Tensor y, ReadOnlySpan<int> rows, Tensor x)
    {
        int[] copy = [.. rows];
        Time(nameof(ScatterAddRows), () => inner.ScatterAddRows(y, copy, x));
    }

    public override void CopyColumns(Tensor x, int firstOfX, Tensor y, int firstOfY, int columns) =>
        Time(nameof(CopyColumns), () => inner.CopyColumns(x, firstOfX, y, firstOfY, columns));

    public override void RmsNorm(Tensor x, Tensor weight, float offset, float epsilon, Tensor y, Tensor inverseRms, Tensor? addend = null) =>
        Time(nameof(RmsNorm), () => inner.RmsNorm(x, weight, offset, epsilon, y, inverseRms, addend));

    public override void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, float offset, Tensor inverseRms, Tensor dx, Tensor? dWeight) =>
        Time(nameof(RmsNormBackward), () => inner.RmsNormBackward(dy, x, weight, offset, inverseRms, dx, dWeight));

    public override void Linear(Tensor x, Tensor weight, Tensor? bias, LowRank? lowRank, Tensor y, Tensor? addend = null) =>
        Time(nameof(Linear), () => inner.Linear(x, weight, bias, lowRank, y, addend), OperationFlops.Linear(x.Shape.Rows, weight, lowRank));

    public override void Linears(Tensor x, params ReadOnlySpan<LinearOperands> layers)
    {
        LinearOperands[] copy = [.. layers];
        Time(nameof(Linears), () => inner.Linears(x, copy), copy.Sum(layer => OperationFlops.Linear(x.Shape.Rows, layer.Weight, layer.LowRank)));
    }

    public override void LinearBackward(Tensor dy, Tensor x, Tensor weight, LowRank? lowRank, Tensor? dx, bool accumulate, Tensor? dWeight, Tensor? dBias) =>
        Time(
            nameof(LinearBackward), () => inner.LinearBackward(dy, x, weight, lowRank, dx, accumulate, dWeight, dBias),
            OperationFlops.LinearBackward(x.Shape.Rows, weight, lowRank, dx is not null, dWeight is not null));

    public override void Rope(Tensor x, int heads, ReadOnlySpan<int> positions, Tensor cosines, Tensor sines, bool inverse = false)
    {
        int[] copy = [.. positions];
        Time(nameof(Rope), () => inner.Rope(x, heads, copy, cosines, sines, inverse));
    }

    public override void Attention(Tensor query, Tensor key, Tensor value, AttentionShape shape, ReadOnlySpan<int> documentStarts, Tensor output, Tensor logSumExp)
    {
        int[] copy = [.. documentStarts];
        Time(nameof(Attention), () => inner.Attention(query, key, value, shape, copy, output, logSumExp), Documents(copy, shape));
    }

    public override void AttentionBackward(
        Tensor dOutput, Tensor query, Tensor key, Tensor value, Tensor output, Tensor logSumExp, AttentionShape shape,
        ReadOnlySpan<int> documentStarts, Tensor dQuery, Tensor dKey, Tensor dValue)
    {
        int[] copy = [.. documentStarts];
        Time(
            nameof(AttentionBackward), () => inner.AttentionBackward(dOutput, query, key, value, output, logSumExp, shape, copy, dQuery, dKey, dValue),
            OperationFlops.AttentionBackwardFactor * Documents(copy, shape));
    }

    public override void PrefixAttention(
        Tensor query, Tensor keys, Tensor values, AttentionShape shape, ReadOnlySpan<int> positions, Tensor output, Tensor logSumExp)
    {
        int[] copy = [.. positions];
        Time(nameof(PrefixAttention), () => inner.PrefixAttention(query, keys, values, shape, copy, output, logSumExp));
    }

    public override void PrefixAttentionBackward(
        Tensor dOutput, Tensor query, Tensor keys, Tensor values, Tensor output, Tensor logSumExp, AttentionShape shape, ReadOnlySpan<int> positions,
        Tensor dQuery, Tensor? dKeys, Tensor? dValues)
    {
        int[] copy = [.. positions];
        Time(
            nameof(PrefixAttentionBackward),
            () => inner.PrefixAttentionBackward(dOutput, query, keys, values, output, logSumExp, shape, copy, dQuery, dKeys, dValues));
    }

    public override void CachedAttention(Tensor query, Tensor keys, Tensor values, int past, AttentionShape shape, Tensor output) =>
        Time(nameof(CachedAttention), () => inner.CachedAttention(query, keys, values, past, shape, output), OperationFlops.CachedAttention(query.Shape.Rows, past, shape));

    public override void GatedActivation(Tensor gate, Tensor up, Activation activation, Tensor y) =>
        Time(nameof(GatedActivation), () => inner.GatedActivation(gate, up, activation, y));

    public override void GatedActivationBackward(Tensor dy, Tensor gate, Tensor up, Activation activation, Tensor dGate, Tensor dUp) =>
        Time(nameof(GatedActivationBackward), () => inner.GatedActivationBackward(dy, gate, up, activation, dGate, dUp));

    public override void CrossEntropy(
        Tensor hidden, Tensor head, ReadOnlySpan<int> targets, float softCap, Span<float> losses, Span<bool> correct, Tensor? dHidden, Tensor? dHead,
        ReadOnlySpan<float> weights = default)
    {
        int[] copy = [.. targets];
        float[] lossCopy = new float[losses.Length];
        bool[] correctCopy = new bool[correct.Length];
        float[] weightCopy = [.. weights];
        Time(
            nameof(CrossEntropy), () => inner.CrossEntropy(hidden, head, copy, softCap, lossCopy, correctCopy, dHidden, dHead, weightCopy),
            OperationFlops.CrossEntropy(hidden.Shape.Rows, head, dHidden is not null, dHead is not null));
        lossCopy.CopyTo(losses);
        correctCopy.CopyTo(correct);
    }

    public override void ScaleColumns(Tensor x, Tensor factors, Tensor? bias, Tensor? addend, Tensor y) =>
        Time(nameof(ScaleColumns), () => inner.ScaleColumns(x, factors, bias, addend, y));

    public override void ScaleColumnsBackward(Tensor dy, Tensor x, Tensor factors, Tensor? dx, bool accumulate, Tensor? dFactors) =>
        Time(nameof(ScaleColumnsBackward), () => inner.ScaleColumnsBackward(dy, x, factors, dx, accumulate, dFactors));

    public override void Drop(Tensor x, Dropout dropout, Tensor y) => Time(nameof(Drop), () => inner.Drop(x, dropout, y));

    public override double SumOfSquares(Tensor x)
    {
        double sum = 0;
        Time(nameof(SumOfSquares), () => sum = inner.SumOfSquares(x));
        return sum;
    }

    public override void AdamW(Tensor values, Tensor gradients, Tensor firstMoment, Tensor secondMoment, AdamWStep step) =>
        Time(nameof(AdamW), () => inner.AdamW(values, gradients, firstMoment, secondMoment, step));

    public override void AdamW8Bit(
        Tensor values, Tensor gradients, Tensor firstCodes, Tensor firstScales, Tensor secondCodes, Tensor secondScales, AdamWStep step) =>
        Time(nameof(AdamW8Bit), () => inner.AdamW8Bit(values, gradients, firstCodes, firstScales, secondCodes, secondScales, step));

    public override void Sgd(Tensor values, Tensor gradients, Tensor momentum, SgdStep step) =>
        Time(nameof(Sgd), () => inner.Sgd(values, gradients, momentum, step));

    public override void Lion(Tensor values, Tensor gradients, Tensor momentum, LionStep step) =>
        Time(nameof(Lion), () => inner.Lion(values, gradients, momentum, step));

    public override void Adafactor(Tensor values, Tensor gradients, Tensor rowSquares, Tensor? columnSquares, AdafactorStep step) =>
        Time(nameof(Adafactor), () => inner.Adafactor(values, gradients, rowSquares, columnSquares, step));

    public override void Dispose() => inner.Dispose();

    private static double Documents(int[] starts, AttentionShape shape) =>
        starts.Zip(starts.Skip(1)).Sum(document => OperationFlops.Attention(document.Second - document.First, shape));

    private void Time(string operation, Action action, double flops = 0)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        OperationTime time = _times.GetValueOrDefault(operation, new OperationTime(operation, 0, 0, 0));
        _times[operation] = time with { Calls = time.Calls + 1, Seconds = time.Seconds + seconds, Flops = time.Flops + flops };
    }
}

/// <summary>How often an operation of a backend was called, and how long all calls took.</summary>
/// <param name="Flops">Floating point operations of all calls (<see cref="OperationFlops"/>); 0 for operations that memory bounds.</param>
public sealed record OperationTime(string Operation, int Calls, double Seconds, double Flops);
