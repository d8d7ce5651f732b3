namespace FineTuneTool.Engine.Protocol;

/// <summary>"Did you mean": the known word nearest to what was written.</summary>
public static class Suggestion
{
    /// <summary>The known word within <paramref name="limit"/> edits of the written one, ignoring case; null where none is. The first of equals wins.</summary>
    public static string? Nearest(string written, IEnumerable<string> known, int limit = 2)
    {
        string? best = null;
        int bestDistance = limit + 1;
        foreach (string word in known)
        {
            int distance = Distance(written, word);
            if (distance < bestDistance)
            {
                (best, bestDistance) = (word, distance);
            }
        }

        return best;
    }

    /// <summary>Levenshtein distance, ignoring case.</summary>
    public static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 0; i < a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i + 1;
            for (int j = 0; j < b.Length; j++)
            {
                int substitute = diagonal + (char.ToLowerInvariant(a[i]) == char.ToLowerInvariant(b[j]) ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(substitute, Math.Min(row[j], row[j + 1]) + 1);
            }
        }

        return row[^1];
    }
}
