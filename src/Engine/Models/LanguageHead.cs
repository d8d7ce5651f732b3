using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Models;

/// <summary>Final norm and output head. Only the rows that are asked for reach it: those with a target, or those whose logits are wanted.</summary>
/// <param name="softCap">c·tanh(z/c) on the logits, 0 = none.</param>
internal sealed class LanguageHead(Backend backend, RmsNormLayer norm, LinearLayer head, float softCap, Scratch scratch) : IDisposable
{
    /// <summary>Rows whose logits exist at the same time.</summary>
    private const int LogitRows = 32;

    private readonly RowBuffer _gathered = new(backend, head.InFeatures, backend.ActivationType);
    private readonly RowBuffer _inverseRms = new(backend, 0, ElementType.F32);
    private readonly RowBuffer _wideGathered = new(backend, head.InFeatures, ElementType.F32);
    private readonly RowBuffer _wideNormed = new(backend, head.InFeatures, ElementType.F32);
    private readonly RowBuffer _logits = new(backend, head.OutFeatures, ElementType.F32);
    private readonly AdaptedHead _adapted = new(backend, head);
    private int[] _rows = [];
    private int[] _targets = [];
    private float[] _losses = [];
    private float[] _weights = [];
    private bool[] _correct = [];

    /// <summary>
    /// Loss of the supervised rows of stream (T, C). Where dStream is not null it is overwritten with the gradient of Σ weight·loss;
    /// gradients of head and norm are added to where they train and <paramref name="backward"/>.
    /// </summary>
    public BatchLoss Loss(Pass pass, PackedBatch batch, Tensor stream, bool backward, Tensor? dStream)
    {
        int count = CollectTargets(batch);
        if (dStream is not null)
        {
            backend.Zero(dStream);
        }

        if (count == 0)
        {
            return default;
        }

        ReadOnlySpan<int> rows = _rows.AsSpan(0, count), targets = _targets.AsSpan(0, count);
        Span<float> losses = _losses.AsSpan(0, count);
        Span<bool> correct = _correct.AsSpan(0, count);
        ReadOnlySpan<float> weights = batch.Weights is null ? [] : _weights.AsSpan(0, count);
        Tensor gathered = _gathered.Take(count), normed = scratch.Normed.Take(count), inverseRms = _inverseRms.Take(count);
        backend.GatherRows(stream, rows, gathered);
        norm.Forward(backend, gathered, normed, inverseRms);
        Tensor? dNormed = backward && (dStream is not null || norm.Trains) ? scratch.DNormed.Take(count) : null;
        if (head.Branch is null)
        {
            backend.CrossEntropy(normed, head.Weight.Value, targets, softCap, losses, correct, dNormed, backward ? head.Weight.Gradient : null, weights);
        }
        else
        {
            _adapted.CrossEntropy(pass, normed, targets, softCap, losses, correct, backward, dNormed, weights);
        }

        if (dNormed is not null)
        {
            // The norm's output has no reader left.
            Tensor dGathered = normed;
            backend.Zero(dGathered);
            norm.Backward(backend, dNormed, gathered, inverseRms, dGathered);
            if (dStream is not null)
            {
                backend.ScatterAddRows(dGathered, rows, dStream);
            }
        }

        double sum = 0, weightSum = weights.IsEmpty ? count : 0;
        for (int i = 0; i < count; i++)
        {
            sum += weights.IsEmpty ? losses[i] : (double)weights[i] * losses[i];
            weightSum += weights.IsEmpty ? 0 : weights[i];
        }

        return new BatchLoss(sum, count, correct.Count(true), weightSum);
    }

    /// <summary>Logits of rows of stream (T, C) into (rows, V).</summary>
    public void Logits(Pass pass, Tensor stream, ReadOnlySpan<int> rows, Span<float> logits)
    {
        int vocabulary = (int)head.OutFeatures;
        for (int first = 0; first < rows.Length; first += LogitRows)
        {
            int count = Math.Min(LogitRows, rows.Length - first);
            Tensor gathered = _wideGathered.Take(count), normed = _wideNormed.Take(count), chunk = _logits.Take(count);
            backend.GatherRows(stream, rows.Slice(first, count), gathered);
            norm.Forward(backend, gathered, normed, _inverseRms.Take(count));
            head.Forward(pass, normed, chunk);
            if (softCap > 0)
            {
                backend.SoftCap(chunk, softCap);
            }

            backend.Read(chunk, logits.Slice(first * vocabulary, count * vocabulary));
        }
    }

    /// <summary>Bytes of a supervised token in <see cref="Loss"/>, logits and scratch not counted.</summary>
    public long BytesPerToken => _gathered.BytesPerRow + _inverseRms.BytesPerRow;

    /// <summary>Bytes that <see cref="Loss"/> needs whatever the batch is.</summary>
    public long FixedBytes => head.Branch is null ? 0 : _adapted.Bytes;

    public void Dispose()
    {
        foreach (RowBuffer buffer in new[] { _gathered, _inverseRms, _wideGathered, _wideNormed, _logits })
        {
            buffer.Dispose();
        }

        _adapted.Dispose();
    }

    private int CollectTargets(PackedBatch batch)
    {
        if (_rows.Length < batch.SupervisedTokens)
        {
            _rows = new int[batch.SupervisedTokens];
            _targets = new int[batch.SupervisedTokens];
            _losses = new float[batch.SupervisedTokens];
            _correct = new bool[batch.SupervisedTokens];
            _weights = new float[batch.SupervisedTokens];
        }

        int count = 0;
        for (int row = 0; row < batch.Tokens; row++)
        {
            if (batch.Targets[row] != TokenizedExample.Ignored)
            {
                (_rows[count], _targets[count], _weights[count]) = (row, batch.Targets[row], batch.Weights?[row] ?? 1);
                count++;
            }
        }

        return count;
    }
}
