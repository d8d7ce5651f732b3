using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Backends;

/// <summary>
/// Computes nothing and holds nothing: it adds up what tensors would take. The same model code that trains, run on this backend, says how much memory
/// training needs; under a <see cref="TimedBackend"/> also how many operations. What is read are zeros.
/// </summary>
public sealed class PlanningBackend(ElementType activationType, int threads) : Backend
{
    private long _held;

    public override string Name => "plan";

    public override int Threads => threads;

    public override ElementType ActivationType => activationType;

    /// <summary>The most bytes that tensors made by <see cref="Allocate"/> took at the same time.</summary>
    public long PeakBytes { get; private set; }

    public override Tensor Allocate(Shape shape, ElementType type = ElementType.F32)
    {
        long bytes = type.Bytes(shape);
        _held += bytes;
        PeakBytes = Math.Max(PeakBytes, _held);
        return new PlannedTensor(shape, type, () => _held -= bytes);
    }

    public override Tensor AllocatePaged(Shape shape, ElementType type, string folder) => new PlannedTensor(shape, type, null);

    public override Tensor Load(StoredTensor stored) => new PlannedTensor(stored.Shape, stored.Type, null);

    public override void Read(Tensor source, Span<float> values, long offset = 0) => values.Clear();

    public override void ReadBytes(Tensor source, Span<byte> bytes, long offset = 0) => bytes.Clear();

    public override double SumOfSquares(Tensor x) => 0;

    public override void CrossEntropy(
        Tensor hidden, Tensor head, ReadOnlySpan<int> targets, float softCap, Span<float> losses, Span<bool> correct, Tensor? dHidden, Tensor? dHead,
        ReadOnlySpan<float> weights = default)
    {
        losses.Clear();
        correct.Clear();
    }

    public override void PageOut(Tensor tensor)
    {
    }

    public override void Write(Tensor target, ReadOnlySpan<float> values, long offset = 0)
    {
    }

    public override void WriteBytes(Tensor target, ReadOnlySpan<byte> bytes, long offset = 0)
    {
    }

    public override void Zero(Tensor target)
    {
    }

    public override void Copy(Tensor source, Tensor target)
    {
    }

    public override void Add(Tensor target, Tensor source, float factor = 1)
    {
    }

    public override void Scale(Tensor target, float factor)
    {
    }

    public override void SoftCap(Tensor target, float cap)
    {
    }

    public override void Embed(ReadOnlySpan<int> ids, Tensor table, float scale, Tensor y)
    {
    }

    public override void AddNoise(Tensor x, ReadOnlySpan<float> magnitudes, ulong seed, ulong stream)
    {
    }

    public override void EmbedBackward(ReadOnlySpan<int> ids, Tensor dy, float scale, Tensor dTable)
    {
    }

    public override void GatherRows(Tensor x, ReadOnlySpan<int> rows, Tensor y)
    {
    }

    public override void ScatterAddRows(Tensor y, ReadOnlySpan<int> rows, Tensor x)
    {
    }

    public override void CopyColumns(Tensor x, int firstOfX, Tensor y, int firstOfY, int columns)
    {
    }

    public override void RmsNorm(Tensor x, Tensor weight, float offset, float epsilon, Tensor y, Tensor inverseRms, Tensor? addend = null)
    {
    }

    public override void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, float offset, Tensor inverseRms, Tensor dx, Tensor? dWeight)
    {
    }

    public override void Linear(Tensor x, Tensor weight, Tensor? bias, LowRank? lowRank, Tensor y, Tensor? addend = null)
    {
    }

    public override void LinearBackward(Tensor dy, Tensor x, Tensor weight, LowRank? lowRank, Tensor? dx, bool accumulate, Tensor? dWeight, Tensor? dBias)
    {
    }

    public override void ScaleColumns(Tensor x, Tensor factors, Tensor? bias, Tensor? addend, Tensor y)
    {
    }

    public override void ScaleColumnsBackward(Tensor dy, Tensor x, Tensor factors, Tensor? dx, bool accumulate, Tensor? dFactors)
    {
    }

    public override void Drop(Tensor x, Dropout dropout, Tensor y)
    {
    }

    public override void Rope(Tensor x, int heads, ReadOnlySpan<int> positions, Tensor cosines, Tensor sines, bool inverse = false)
    {
    }

    public override void Attention(
        Tensor query, Tensor key, Tensor value, AttentionShape shape, ReadOnlySpan<int> documentStarts, Tensor output, Tensor logSumExp)
    {
    }

    public override void AttentionBackward(
        Tensor dOutput, Tensor query, Tensor key, Tensor value, Tensor output, Tensor logSumExp, AttentionShape shape,
        ReadOnlySpan<int> documentStarts, Tensor dQuery, Tensor dKey, Tensor dValue)
    {
    }

    public override void PrefixAttention(
        Tensor query, Tensor keys, Tensor values, AttentionShape shape, ReadOnlySpan<int> positions, Tensor output, Tensor logSumExp)
    {
    }

    public override void PrefixAttentionBackward(
        Tensor dOutput, Tensor query, Tensor keys, Tensor values, Tensor output, Tensor logSumExp, AttentionShape shape, ReadOnlySpan<int> positions,
        Tensor dQuery, Tensor? dKeys, Tensor? dValues)
    {
    }

    public override void CachedAttention(Tensor query, Tensor keys, Tensor values, int past, AttentionShape shape, Tensor output)
    {
    }

    public override void GatedActivation(Tensor gate, Tensor up, Activation activation, Tensor y)
    {
    }

    public override void GatedActivationBackward(Tensor dy, Tensor gate, Tensor up, Activation activation, Tensor dGate, Tensor dUp)
    {
    }

    public override void AdamW(Tensor values, Tensor gradients, Tensor firstMoment, Tensor secondMoment, AdamWStep step)
    {
    }

    public override void AdamW8Bit(
        Tensor values, Tensor gradients, Tensor firstCodes, Tensor firstScales, Tensor secondCodes, Tensor secondScales, AdamWStep step)
    {
    }

    public override void Sgd(Tensor values, Tensor gradients, Tensor momentum, SgdStep step)
    {
    }

    public override void Lion(Tensor values, Tensor gradients, Tensor momentum, LionStep step)
    {
    }

    public override void Adafactor(Tensor values, Tensor gradients, Tensor rowSquares, Tensor? columnSquares, AdafactorStep step)
    {
    }

    public override void Dispose()
    {
    }

    /// <summary>A shape and a type; views take nothing.</summary>
    private sealed class PlannedTensor(Shape shape, ElementType type, Action? free) : Tensor(shape, type)
    {
        private Action? _free = free;

        public override Tensor Rows(long first, long count) => new PlannedTensor(new Shape(count, Shape.Columns), Type, null);

        public override Tensor View(long offset, Shape shape) => new PlannedTensor(shape, Type, null);

        public override void Dispose()
        {
            _free?.Invoke();
            _free = null;
        }
    }
}
