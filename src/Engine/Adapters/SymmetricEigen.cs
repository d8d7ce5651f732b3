namespace FineTuneTool.Engine.Adapters;

/// <summary>Eigenvalues and eigenvectors of a small symmetric matrix by Jacobi's rotations (Golub and Van Loan, 8.5).</summary>
internal static class SymmetricEigen
{
    private const int MaxSweeps = 30;

    /// <summary>Values and, as columns, the orthonormal vectors that belong to them. The matrix is overwritten.</summary>
    public static (double[] Values, double[,] Vectors) Compute(double[,] matrix)
    {
        int size = matrix.GetLength(0);
        double[,] vectors = new double[size, size];
        double scale = 0;
        for (int i = 0; i < size; i++)
        {
            vectors[i, i] = 1;
            scale += Math.Abs(matrix[i, i]);
        }

        for (int sweep = 0; sweep < MaxSweeps && OffDiagonal(matrix) > 1e-15 * scale; sweep++)
        {
            for (int p = 0; p < size; p++)
            {
                for (int q = p + 1; q < size; q++)
                {
                    Rotate(matrix, vectors, p, q);
                }
            }
        }

        return ([.. Enumerable.Range(0, size).Select(i => matrix[i, i])], vectors);
    }

    private static double OffDiagonal(double[,] matrix)
    {
        double largest = 0;
        for (int i = 0; i < matrix.GetLength(0); i++)
        {
            for (int j = 0; j < i; j++)
            {
                largest = Math.Max(largest, Math.Abs(matrix[i, j]));
            }
        }

        return largest;
    }

    private static void Rotate(double[,] matrix, double[,] vectors, int p, int q)
    {
        if (matrix[p, q] == 0)
        {
            return;
        }

        double tau = (matrix[q, q] - matrix[p, p]) / (2 * matrix[p, q]);
        double tangent = Math.CopySign(1, tau) / (Math.Abs(tau) + Math.Sqrt(1 + tau * tau)), cosine = 1 / Math.Sqrt(1 + tangent * tangent), sine = tangent * cosine;
        for (int i = 0; i < matrix.GetLength(0); i++)
        {
            (matrix[i, p], matrix[i, q]) = (cosine * matrix[i, p] - sine * matrix[i, q], sine * matrix[i, p] + cosine * matrix[i, q]);
        }

        for (int i = 0; i < matrix.GetLength(0); i++)
        {
            (matrix[p, i], matrix[q, i]) = (cosine * matrix[p, i] - sine * matrix[q, i], sine * matrix[p, i] + cosine * matrix[q, i]);
            (vectors[i, p], vectors[i, q]) = (cosine * vectors[i, p] - sine * vectors[i, q], sine * vectors[i, p] + cosine * vectors[i, q]);
        }
    }
}
