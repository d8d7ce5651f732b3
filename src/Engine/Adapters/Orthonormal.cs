using System.Numerics;

namespace FineTuneTool.Engine.Adapters;

/// <summary>Gram-Schmidt in double, twice over, which is enough (Giraud et al. 2005).</summary>
internal static class Orthonormal
{
    /// <summary>Makes vectors orthonormal in their order, in place; one that depends on those before it becomes zero.</summary>
    public static void Make(IReadOnlyList<double[]> vectors)
    {
        for (int i = 0; i < vectors.Count; i++)
        {
            double before = Math.Sqrt(Dot(vectors[i], vectors[i]));
            for (int time = 0; time < 2; time++)
            {
                for (int j = 0; j < i; j++)
                {
                    Add(vectors[i], vectors[j], -Dot(vectors[i], vectors[j]));
                }
            }

            double norm = Math.Sqrt(Dot(vectors[i], vectors[i]));
            double factor = norm > 1e-10 * before ? 1 / norm : 0;
            foreach (ref double value in vectors[i].AsSpan())
            {
                value *= factor;
            }
        }
    }

    public static double Dot(double[] a, double[] b)
    {
        Vector<double> sums = Vector<double>.Zero;
        int i = 0;
        for (; i <= a.Length - Vector<double>.Count; i += Vector<double>.Count)
        {
            sums += new Vector<double>(a, i) * new Vector<double>(b, i);
        }

        double sum = Vector.Sum(sums);
        for (; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }

    /// <summary>target += factor · source.</summary>
    public static void Add(double[] target, double[] source, double factor)
    {
        int i = 0;
        for (; i <= target.Length - Vector<double>.Count; i += Vector<double>.Count)
        {
            (new Vector<double>(target, i) + factor * new Vector<double>(source, i)).CopyTo(target, i);
        }

        for (; i < target.Length; i++)
        {
            target[i] += factor * source[i];
        }
    }
}
