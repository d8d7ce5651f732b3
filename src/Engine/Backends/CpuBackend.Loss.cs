using FineTuneTool.Engine.Kernels;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Backends;

/// <summary>The output head with its loss.</summary>
public sealed unsafe partial class CpuBackend
{
    /// <summary>Room for the logits of one chunk of rows.</summary>
    private const long LogitsFloats = 12 << 20;

    /// <summary>Depth of a product over the vocabulary that is made at a time: its left rows then stay in the second- or third-level cache for all columns.</summary>
    private const int DepthSlice = 1024;

    /// <summary>Bytes of the logits of one chunk of so many supervised rows.</summary>
    internal static long LogitBytes(long rows, long vocabulary) => sizeof(float) * Math.Min(rows, LogitRows(rows, vocabulary)) * vocabulary;

    private static long LogitRows(long rows, long vocabulary) => Math.Clamp(LogitsFloats / Math.Max(vocabulary, 1), 16, Math.Max(rows, 16));

    public override void CrossEntropy(
        Tensor hidden, Tensor head, ReadOnlySpan<int> targets, float softCap, Span<float> losses, Span<bool> correct, Tensor? dHidden, Tensor? dHead,
        ReadOnlySpan<float> weights = default)
    {
        int rows = Rows(hidden), columns = Columns(hidden), vocabulary = Rows(head);
        Require(head.Shape.Columns == columns, nameof(CrossEntropy), hidden.Shape, head.Shape);
        Require(targets.Length == rows && losses.Length == rows && correct.Length == rows, nameof(CrossEntropy), hidden.Shape, targets.Length);
        Require(dHidden is null || dHidden.Shape == hidden.Shape, nameof(CrossEntropy), hidden.Shape, dHidden?.Shape ?? default);
        Require(dHead is null || dHead.Shape == head.Shape, nameof(CrossEntropy), head.Shape, dHead?.Shape ?? default);
        Require(weights.Length == 0 || weights.Length == rows, nameof(CrossEntropy), hidden.Shape, weights.Length);
        RequireIndices(nameof(CrossEntropy), targets, vocabulary);
        int chunk = (int)LogitRows(rows, vocabulary), step = LogitsStep(vocabulary);
        int chunks = Math.Max(1, (rows + chunk - 1) / chunk);
        chunk = (rows + chunks - 1) / chunks;
        float* logits = _branch.Floats((long)Math.Min(chunk, rows) * step);
        WeightMatrix matrix = Matrix((CpuTensor)head);
        bool narrow = hidden.Type == ElementType.BF16;
        fixed (int* target = targets)
        fixed (float* loss = losses)
        fixed (float* weight = weights)
        fixed (bool* isCorrect = correct)
        {
            for (int row = 0; row < rows; row += chunk)
            {
                int count = Math.Min(chunk, rows - row);
                Logits(hidden, row, count, matrix, logits);
                _pool.Run(count, new LossWork
                {
                    Kernel = _kernels.Loss,
                    Logits = logits,
                    Columns = vocabulary,
                    Step = step,
                    Targets = target + row,
                    Weights = weight == null ? null : weight + row,
                    SoftCap = softCap,
                    Gradient = dHidden is not null || dHead is not null,
                    Conversion = narrow ? _kernels.Conversion : null,
                    Losses = loss + row,
                    Correct = isCorrect + row,
                });
                if (dHidden is not null)
                {
                    HiddenGradient(logits, matrix, dHidden, row, count);
                }

                if (dHead is not null)
                {
                    HeadGradient(logits, hidden, row, count, dHead);
                }
            }
        }

        Keep(hidden, head, dHidden, dHead);
    }

    /// <summary>Floats from row to row of logits: a step that is no multiple of a page keeps rows out of each other's cache sets.</summary>
    private static int LogitsStep(int vocabulary) => (vocabulary + 15) / 16 * 16 + 80;

    /// <summary>Logits of rows first … first+rows-1 of x.</summary>
    private void Logits(Tensor x, long first, int rows, WeightMatrix head, float* logits)
    {
        int columns = Columns(x), vocabulary = (int)head.Rows;
        if (x.Type == ElementType.BF16)
        {
            PairTerm term = Pair(Narrow(x) + first * columns, columns, columns, head, rightTransposed: true);
            _pairs.Multiply(new PairTarget { Wide = logits, Step = LogitsStep(vocabulary) }, rows, vocabulary, term);
            return;
        }

        ProductTerm product = Product(Floats(x) + first * columns, columns, head, columns, rightTransposed: true);
        _product.Multiply(logits, LogitsStep(vocabulary), rows, vocabulary, false, null, [product]);
    }

    /// <summary>Those rows of dx = dLogits·head. BF16 gradients take the first half of the room of their row of logits.</summary>
    private void HiddenGradient(float* dLogits, WeightMatrix head, Tensor dx, long first, int rows)
    {
        int columns = Columns(dx), vocabulary = (int)head.Rows;
        if (dx.Type == ElementType.BF16)
        {
            PairTerm term = Pair((ushort*)dLogits, 2L * LogitsStep(vocabulary), vocabulary, head);
            float* sums = _masked.Floats((long)rows * columns);
            for (term.Start = 0; term.Start < vocabulary; term.Start += DepthSlice)
            {
                term.Depth = Math.Min(DepthSlice, vocabulary - term.Start);
                _pairs.Multiply(new PairTarget { Wide = sums, Step = columns, Accumulate = term.Start > 0 }, rows, columns, term);
            }

            _kernels.Conversion.Narrow(sums, Narrow(dx) + first * columns, (long)rows * columns);
            return;
        }

        _product.Multiply(Floats(dx) + first * columns, columns, rows, columns, false, null, [Product(dLogits, LogitsStep(vocabulary), head, vocabulary)]);
    }

    /// <summary>dHead += dLogitsᵀ·those rows of x.</summary>
    private void HeadGradient(float* dLogits, Tensor x, long first, int rows, Tensor dHead)
    {
        int columns = Columns(x), vocabulary = Rows(dHead);
        if (x.Type == ElementType.BF16)
        {
            var right = new WeightMatrix((byte*)(Narrow(x) + first * columns), ElementType.BF16, rows, columns);
            ushort* turned = Turn((ushort*)dLogits, 2L * LogitsStep(vocabulary), rows, vocabulary);
            _pairs.Multiply(new PairTarget { Wide = Floats(dHead), Step = columns, Accumulate = true }, vocabulary, columns, Pair(turned, rows, rows, right));
            return;
        }

        ProductTerm product = Product(dLogits, LogitsStep(vocabulary), WeightMatrix.OfFloats(Floats(x) + first * columns, rows, columns), rows, leftTransposed: true);
        _product.Multiply(Floats(dHead), columns, vocabulary, columns, true, null, [product]);
    }
}
