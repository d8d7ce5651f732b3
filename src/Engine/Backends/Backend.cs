using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Backends;

/// <summary>
/// The contract between the model and the machine. Model code passes tensors as handles; only a backend reads memory.
/// Activations are (T, C): one row a token, documents one after another; F32, or BF16 where the backend multiplies in BF16 (sums are F32 all the same).
/// The activations of one call have one type. Parameters, their gradients and statistics are F32; weights keep the storage they were loaded with.
/// Every operation gives the same bits for any number of threads: work is cut by outputs, sums run in a fixed order.
/// Letters: T tokens, C hidden, K inputs and N outputs of a linear layer, R rank, V vocabulary, S supervised tokens, H heads, D head dim.
/// Operands of the wrong shape throw <see cref="ArgumentException"/> naming the operation and both shapes.
/// </summary>
public abstract class Backend : IDisposable
{
    /// <summary>Device and kernel path, such as <c>cpu/avx512</c>.</summary>
    public abstract string Name { get; }

    public abstract int Threads { get; }

    /// <summary>What activations of passes over whole batches are stored as, and what matrix products round their operands to: F32 or BF16.</summary>
    public abstract ElementType ActivationType { get; }

    // ---- memory ----

    /// <summary>A new tensor of zeros, F32, BF16 or U8.</summary>
    public abstract Tensor Allocate(Shape shape, ElementType type = ElementType.F32);

    /// <summary>As <see cref="Allocate"/>, in a file of a folder that the system pages in and out; the file goes with the tensor.</summary>
    public abstract Tensor AllocatePaged(Shape shape, ElementType type, string folder);

    /// <summary>Says that a tensor is not used soon: where it lies in pages of a file, it need not stay in memory.</summary>
    public abstract void PageOut(Tensor tensor);

    /// <summary>A weight in its own storage; reads the stored bytes in place where it can.</summary>
    public abstract Tensor Load(StoredTensor stored);

    /// <summary>Copies F32 values into a tensor, F32 or BF16, from element <paramref name="offset"/>.</summary>
    public abstract void Write(Tensor target, ReadOnlySpan<float> values, long offset = 0);

    /// <summary>Copies elements from <paramref name="offset"/> out of a tensor; a weight in any storage is decoded to F32.</summary>
    public abstract void Read(Tensor source, Span<float> values, long offset = 0);

    /// <summary>Copies stored bytes from byte <paramref name="offset"/> out of a tensor of any type.</summary>
    public abstract void ReadBytes(Tensor source, Span<byte> bytes, long offset = 0);

    /// <summary>Copies stored bytes into an F32, BF16 or U8 tensor, from byte <paramref name="offset"/>.</summary>
    public abstract void WriteBytes(Tensor target, ReadOnlySpan<byte> bytes, long offset = 0);

    /// <summary>Sets every element of a tensor to zero.</summary>
    public abstract void Zero(Tensor target);

    /// <summary>target = source, equal shapes and types.</summary>
    public abstract void Copy(Tensor source, Tensor target);

    /// <summary>target += factor · source, equal shapes, F32.</summary>
    public abstract void Add(Tensor target, Tensor source, float factor = 1);

    /// <summary>target *= factor.</summary>
    public abstract void Scale(Tensor target, float factor);

    /// <summary>target = cap·tanh(target/cap), F32; cap above 0.</summary>
    public abstract void SoftCap(Tensor target, float cap);

    // ---- rows ----

    /// <summary>y[t] = scale · table[ids[t]]. table (V, C) in any storage, y (T, C).</summary>
    public abstract void Embed(ReadOnlySpan<int> ids, Tensor table, float scale, Tensor y);

    /// <summary>x[t] += u · magnitudes[t], u uniform in ±1 and different for every number. x (T, C); magnitudes (T), 0 = the row stays.</summary>
    /// <param name="stream">A number of its own for every call of a run.</param>
    public abstract void AddNoise(Tensor x, ReadOnlySpan<float> magnitudes, ulong seed, ulong stream);

    /// <summary>dTable[ids[t]] += scale · dy[t], tokens in order.</summary>
    public abstract void EmbedBackward(ReadOnlySpan<int> ids, Tensor dy, float scale, Tensor dTable);

    /// <summary>y[i] = x[rows[i]]. x (T, C), y (S, C); an F32 y takes a BF16 x, too.</summary>
    public abstract void GatherRows(Tensor x, ReadOnlySpan<int> rows, Tensor y);

    /// <summary>x[rows[i]] += y[i]; rows are distinct.</summary>
    public abstract void ScatterAddRows(Tensor y, ReadOnlySpan<int> rows, Tensor x);

    /// <summary>y[t, first of y + c] = x[t, first of x + c] for c below <paramref name="columns"/>. x and y have the same number of rows and one type.</summary>
    public abstract void CopyColumns(Tensor x, int firstOfX, Tensor y, int firstOfY, int columns);

    // ---- layers ----

    /// <summary>
    /// Root mean square norm over each row: y = x · r · (weight + offset) + addend, r = 1/√(mean(x²) + epsilon). inverseRms (rows) receives r.
    /// x and y may be (T, C) or, for norms per head, (T·H, D) views. weight F32 (C). The addend has the shape of y and may be y itself.
    /// Zhang and Sennrich 2019.
    /// </summary>
    public abstract void RmsNorm(Tensor x, Tensor weight, float offset, float epsilon, Tensor y, Tensor inverseRms, Tensor? addend = null);

    /// <summary>dx += gradient of <see cref="RmsNorm"/>; dWeight += Σ over rows of dy·x·r where it is not null.</summary>
    public abstract void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, float offset, Tensor inverseRms, Tensor dx, Tensor? dWeight);

    /// <summary>
    /// y = x·weightᵀ + bias + low-rank branch + addend. x (T, K), weight (N, K) in any storage, bias F32 (N), y (T, N).
    /// The addend (T, N) has the type of y and may be y itself. An F32 y takes a BF16 x, too.
    /// </summary>
    public abstract void Linear(Tensor x, Tensor weight, Tensor? bias, LowRank? lowRank, Tensor y, Tensor? addend = null);

    /// <summary>As <see cref="Linear"/> for each of several layers that do not depend on each other; no two write the same rows.</summary>
    public virtual void Linears(Tensor x, params ReadOnlySpan<LinearOperands> layers)
    {
        foreach (LinearOperands layer in layers)
        {
            Linear(x, layer.Weight, layer.Bias, layer.LowRank, layer.Y);
        }
    }

    /// <summary>
    /// Backward of <see cref="Linear"/>: dx (+)= dy·weight + branch (skipped where dx is null; overwritten unless <paramref name="accumulate"/>);
    /// dWeight (N, K) += dyᵀ·x, dBias (N) += Σ dy, lowRank.DA and DB added to, each where not null. x is the input of the forward pass.
    /// </summary>
    public abstract void LinearBackward(
        Tensor dy, Tensor x, Tensor weight, LowRank? lowRank, Tensor? dx, bool accumulate, Tensor? dWeight, Tensor? dBias);

    /// <summary>
    /// Rotary embedding in place over the first 2·P of D dims of each head: pairs (i, i + P) turn by positions[t]·frequency.
    /// x (T, H·D); cosines and sines (maxPosition, P) are tables made by the model. With <paramref name="inverse"/> by the negative angle (backward).
    /// Su et al. 2021, half-split layout as in Hugging Face.
    /// </summary>
    public abstract void Rope(Tensor x, int heads, ReadOnlySpan<int> positions, Tensor cosines, Tensor sines, bool inverse = false);

    /// <summary>
    /// Causal attention inside documents. documentStarts holds the first row of each document and T at the end.
    /// output (T, H·D); logSumExp (T, H) receives the log of each softmax's denominator.
    /// </summary>
    public abstract void Attention(
        Tensor query, Tensor key, Tensor value, AttentionShape shape, ReadOnlySpan<int> documentStarts, Tensor output, Tensor logSumExp);

    /// <summary>Backward of <see cref="Attention"/>; overwrites dQuery, dKey and dValue.</summary>
    public abstract void AttentionBackward(
        Tensor dOutput, Tensor query, Tensor key, Tensor value, Tensor output, Tensor logSumExp, AttentionShape shape,
        ReadOnlySpan<int> documentStarts, Tensor dQuery, Tensor dKey, Tensor dValue);

    /// <summary>
    /// Lets every query see n keys and values more, F32 (n, KeyValueHeads·D), which stand at positions 0 … n-1 before those of its document:
    /// output and logSumExp of <see cref="Attention"/> become those over both. positions (T) of the queries, from n on, count for windows.
    /// </summary>
    public abstract void PrefixAttention(
        Tensor query, Tensor keys, Tensor values, AttentionShape shape, ReadOnlySpan<int> positions, Tensor output, Tensor logSumExp);

    /// <summary>
    /// The prefix's part of the backward pass; <see cref="AttentionBackward"/> with the same output and logSumExp makes the rest. dQuery, dKeys and dValues are
    /// added to, the latter two where not null.
    /// </summary>
    public abstract void PrefixAttentionBackward(
        Tensor dOutput, Tensor query, Tensor keys, Tensor values, Tensor output, Tensor logSumExp, AttentionShape shape, ReadOnlySpan<int> positions,
        Tensor dQuery, Tensor? dKeys, Tensor? dValues);

    /// <summary>
    /// Attention of T new queries at cache rows past … past+T-1 over keys and values (capacity, KeyValueHeads·D) whose first past+T rows are filled.
    /// </summary>
    public abstract void CachedAttention(Tensor query, Tensor keys, Tensor values, int past, AttentionShape shape, Tensor output);

    /// <summary>y = f(gate)·up, all (T, F).</summary>
    public abstract void GatedActivation(Tensor gate, Tensor up, Activation activation, Tensor y);

    /// <summary>dGate and dUp (overwritten) from dy; dGate or dUp may be the same tensor as dy.</summary>
    public abstract void GatedActivationBackward(Tensor dy, Tensor gate, Tensor up, Activation activation, Tensor dGate, Tensor dUp);

    /// <summary>
    /// Cross-entropy of softmax(cap(hidden·headᵀ)) against targets, in chunks of rows: the (S, V) logits never exist as a whole.
    /// hidden (S, C); head (V, C) in any storage; targets (S). losses (S) receives the negative log-likelihoods in nats, correct (S) whether the
    /// target had the largest logit (the lowest id wins a tie). dHidden (S, C) is overwritten with the gradient of Σ weights·losses, dHead (V, C) is added to; null skips.
    /// weights (S): how much each row counts in the gradients; empty = 1 for all. The losses themselves are not weighted.
    /// softCap: c·tanh(z/c) on the logits, 0 = none.
    /// </summary>
    public abstract void CrossEntropy(
        Tensor hidden, Tensor head, ReadOnlySpan<int> targets, float softCap, Span<float> losses, Span<bool> correct, Tensor? dHidden, Tensor? dHead,
        ReadOnlySpan<float> weights = default);

    // ---- columns ----

    /// <summary>y = x·factors + bias + addend, column by column. x, addend and y (T, N), which may be the same; factors and bias F32 (N).</summary>
    public abstract void ScaleColumns(Tensor x, Tensor factors, Tensor? bias, Tensor? addend, Tensor y);

    /// <summary>Backward of <see cref="ScaleColumns"/>: dx (+)= dy·factors, dFactors (N) += Σ over rows of dy·x, each where not null.</summary>
    public abstract void ScaleColumnsBackward(Tensor dy, Tensor x, Tensor factors, Tensor? dx, bool accumulate, Tensor? dFactors);

    /// <summary>y = dropout(x), both (T, K), which may be the same. Its own backward pass.</summary>
    public abstract void Drop(Tensor x, Dropout dropout, Tensor y);

    // ---- optimizer ----

    /// <summary>Σ x² in double, in a fixed order.</summary>
    public abstract double SumOfSquares(Tensor x);

    /// <summary>One AdamW update of values in place from gradients; first and second moments are updated too. Equal shapes, F32.</summary>
    public abstract void AdamW(Tensor values, Tensor gradients, Tensor firstMoment, Tensor secondMoment, AdamWStep step);

    /// <summary>
    /// One AdamW update whose moments are stored as codes of the dynamic maps (U8, as many as values) with one F32 scale for 256 of them; the update
    /// itself uses the moments before they are rounded. A second moment that is not zero never gets the code of zero. Dettmers et al. 2022.
    /// </summary>
    public abstract void AdamW8Bit(
        Tensor values, Tensor gradients, Tensor firstCodes, Tensor firstScales, Tensor secondCodes, Tensor secondScales, AdamWStep step);

    /// <summary>momentum = Momentum·momentum + g (g at the first step), values −= rate·momentum, with g = gradients + WeightDecay·values. Equal shapes, F32.</summary>
    public abstract void Sgd(Tensor values, Tensor gradients, Tensor momentum, SgdStep step);

    /// <summary>values −= rate·sign(β₁·m + (1 − β₁)·g) after their decay; m = β₂·m + (1 − β₂)·g. Equal shapes, F32.</summary>
    public abstract void Lion(Tensor values, Tensor gradients, Tensor momentum, LionStep step);

    /// <summary>
    /// Adafactor on one matrix (R, C) with mean squares of rows (R) and columns (C), or with the square of each element where columnSquares is null.
    /// </summary>
    public abstract void Adafactor(Tensor values, Tensor gradients, Tensor rowSquares, Tensor? columnSquares, AdafactorStep step);

    public abstract void Dispose();
}
