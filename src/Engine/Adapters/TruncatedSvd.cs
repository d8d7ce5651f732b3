using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>
/// The largest singular values of a matrix W (N, K) in any storage, with their vectors, by iterating a random subspace that is larger than what is wanted
/// (Halko, Martinsson and Tropp 2011). The rounds' products are F32 on the backend, everything else is double; the same numbers for any number of threads.
/// </summary>
internal sealed class TruncatedSvd
{
    /// <summary>Dimensions of the subspace beyond the wanted ones, at least: what lies there decides how fast the others settle.</summary>
    private const int LeastOversampling = 28;

    private TruncatedSvd(double[] values, double[][] left, double[][] right) => (Values, Left, Right) = (values, left, right);

    /// <summary>(R), the largest first.</summary>
    public double[] Values { get; }

    /// <summary>R vectors (N).</summary>
    public double[][] Left { get; }

    /// <summary>R vectors (K).</summary>
    public double[][] Right { get; }

    /// <param name="rank">R, at most the smaller side of W.</param>
    public static TruncatedSvd Compute(Backend backend, Tensor weight, int rank, CounterRandom random)
    {
        int rows = (int)weight.Shape.Rows, columns = (int)weight.Shape.Columns, smaller = Math.Min(rows, columns);
        int size = Math.Min(smaller, rank + Math.Max(rank, LeastOversampling));

        // Small matrices are cheap to settle to the last digit; in large ones of trained models the wanted values stand out, and few rounds do.
        int rounds = Math.Clamp(25600 / smaller, 16, 100);
        using Tensor transposed = Transposed(backend, weight);
        using Tensor inRows = backend.Allocate(new Shape(size, rows)), inColumns = backend.Allocate(new Shape(size, columns));
        double[][] right = [.. Enumerable.Range(0, size).Select(i => Enumerable.Range(0, columns).Select(k => (double)random.Normal((ulong)(i * (long)columns + k))).ToArray())];
        Orthonormal.Make(right);
        for (int round = 0; round < rounds; round++)
        {
            Write(backend, inColumns, right);
            Multiply(backend, inColumns, transposed, inRows);
            Multiply(backend, inRows, weight, inColumns);
            Read(backend, inColumns, right);
            Orthonormal.Make(right);
        }

        return Ritz(right, Images(backend, weight, right), rank);
    }

    /// <summary>W times each vector, in double: singular values that are close to each other are told apart here.</summary>
    private static double[][] Images(Backend backend, Tensor weight, double[][] vectors)
    {
        double[][] images = [.. vectors.Select(_ => new double[weight.Shape.Rows])];
        float[] narrow = new float[weight.Shape.Columns];
        double[] row = new double[narrow.Length];
        for (int n = 0; n < weight.Shape.Rows; n++)
        {
            backend.Read(weight, narrow, (long)n * narrow.Length);
            for (int k = 0; k < row.Length; k++)
            {
                row[k] = narrow[k];
            }

            for (int i = 0; i < vectors.Length; i++)
            {
                images[i][n] = Orthonormal.Dot(vectors[i], row);
            }
        }

        return images;
    }

    /// <summary>Turns the subspace into singular vectors: the eigenvectors of the images' products with each other.</summary>
    private static TruncatedSvd Ritz(double[][] right, double[][] images, int rank)
    {
        int size = right.Length;
        double[,] gram = new double[size, size];
        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                gram[i, j] = gram[j, i] = Orthonormal.Dot(images[i], images[j]);
            }
        }

        (double[] squares, double[,] vectors) = SymmetricEigen.Compute(gram);
        int[] order = [.. Enumerable.Range(0, size).OrderByDescending(i => squares[i]).Take(rank)];
        double[] values = [.. order.Select(i => Math.Sqrt(Math.Max(0, squares[i])))];
        return new TruncatedSvd(
            values, [.. order.Select((column, r) => Combine(images, column, values[r] > 0 ? 1 / values[r] : 0))], [.. order.Select(column => Combine(right, column, 1))]);

        double[] Combine(double[][] basis, int column, double factor)
        {
            double[] sum = new double[basis[0].Length];
            for (int i = 0; i < size; i++)
            {
                Orthonormal.Add(sum, basis[i], factor * vectors[i, column]);
            }

            return sum;
        }
    }

    /// <summary>result (n, K) = left (n, N) · matrix (N, K), in F32 whatever the backend's activations are.</summary>
    private static void Multiply(Backend backend, Tensor left, Tensor matrix, Tensor result) =>
        backend.LinearBackward(left, result, matrix, null, result, accumulate: false, null, null);

    private static Tensor Transposed(Backend backend, Tensor weight)
    {
        int rows = (int)weight.Shape.Rows, columns = (int)weight.Shape.Columns;
        float[] values = new float[(long)rows * columns], row = new float[columns];
        for (int i = 0; i < rows; i++)
        {
            backend.Read(weight, row, (long)i * columns);
            for (int k = 0; k < columns; k++)
            {
                values[(long)k * rows + i] = row[k];
            }
        }

        Tensor transposed = backend.Allocate(new Shape(columns, rows));
        backend.Write(transposed, values);
        return transposed;
    }

    private static void Write(Backend backend, Tensor target, double[][] vectors) =>
        backend.Write(target, [.. vectors.SelectMany(vector => vector.Select(value => (float)value))]);

    private static void Read(Backend backend, Tensor source, double[][] vectors)
    {
        float[] row = new float[vectors[0].Length];
        for (int i = 0; i < vectors.Length; i++)
        {
            backend.Read(source, row, (long)i * row.Length);
            for (int k = 0; k < row.Length; k++)
            {
                vectors[i][k] = row[k];
            }
        }
    }
}
