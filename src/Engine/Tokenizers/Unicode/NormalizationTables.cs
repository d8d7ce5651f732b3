using System.Globalization;

namespace FineTuneTool.Engine.Tokenizers.Unicode;

/// <summary>
/// Decompositions, compositions and combining classes of Unicode 13, the version of the library that tokenizer.json comes from; read from
/// normalization-13.txt. The platform's own tables change with its version, which would change token ids.
/// </summary>
internal static class NormalizationTables
{
    private const int SyllableBase = 0xAC00;
    private const int LeadBase = 0x1100;
    private const int VowelBase = 0x1161;
    private const int TailBase = 0x11A7;
    private const int LeadCount = 19;
    private const int VowelCount = 21;
    private const int TailCount = 28;
    private const int SyllableCount = LeadCount * VowelCount * TailCount;

    private static readonly Lazy<Loaded> Tables = new(Load);

    /// <summary>Canonical_Combining_Class; 0 for most.</summary>
    public static byte CombiningClass(int point) => Tables.Value.Classes.GetValueOrDefault(point);

    /// <summary>False where canonical composition may change the code point or what stands before it.</summary>
    public static bool IsComposed(int point) => point < 0x300 || !Tables.Value.Unstable.Contains(point);

    /// <summary>Appends the complete decomposition of a code point, itself where it has none.</summary>
    public static void Decompose(int point, bool compatibility, List<int> output)
    {
        Loaded tables = Tables.Value;
        if ((uint)(point - SyllableBase) < SyllableCount)
        {
            int index = point - SyllableBase;
            output.Add(LeadBase + (index / (VowelCount * TailCount)));
            output.Add(VowelBase + (index / TailCount % VowelCount));
            if (index % TailCount > 0)
            {
                output.Add(TailBase + (index % TailCount));
            }
        }
        else if ((compatibility && tables.Compatibility.TryGetValue(point, out int[]? parts)) || tables.Canonical.TryGetValue(point, out parts))
        {
            output.AddRange(parts);
        }
        else
        {
            output.Add(point);
        }
    }

    /// <summary>The code point that two neighbours make, or −1.</summary>
    public static int Compose(int first, int second)
    {
        if ((uint)(first - LeadBase) < LeadCount && (uint)(second - VowelBase) < VowelCount)
        {
            return SyllableBase + ((((first - LeadBase) * VowelCount) + (second - VowelBase)) * TailCount);
        }

        bool openSyllable = (uint)(first - SyllableBase) < SyllableCount && (first - SyllableBase) % TailCount == 0;
        if (openSyllable && second > TailBase && second < TailBase + TailCount)
        {
            return first + second - TailBase;
        }

        return Tables.Value.Pairs.GetValueOrDefault((first, second), -1);
    }

    private static Loaded Load()
    {
        var tables = new Loaded();
        string name = $"{typeof(NormalizationTables).Namespace}.normalization-13.txt";
        using var reader = new StreamReader(typeof(NormalizationTables).Assembly.GetManifestResourceStream(name)!);
        while (reader.ReadLine() is { } line)
        {
            if (!line.StartsWith('#'))
            {
                tables.Add(line.Split(';'));
            }
        }

        for (int i = 0; i < VowelCount; i++)
        {
            tables.Unstable.Add(VowelBase + i);
        }

        for (int i = 1; i < TailCount; i++)
        {
            tables.Unstable.Add(TailBase + i);
        }

        return tables;
    }

    private sealed class Loaded
    {
        public Dictionary<int, byte> Classes { get; } = [];

        public Dictionary<int, int[]> Canonical { get; } = [];

        public Dictionary<int, int[]> Compatibility { get; } = [];

        public Dictionary<(int First, int Second), int> Pairs { get; } = [];

        public HashSet<int> Unstable { get; } = [];

        /// <summary>A line: code point; class; canonical; compatibility; pair.</summary>
        public void Add(string[] fields)
        {
            int point = Points(fields[0])[0];
            byte combiningClass = byte.Parse(fields[1], CultureInfo.InvariantCulture);
            if (combiningClass > 0)
            {
                Classes[point] = combiningClass;
                Unstable.Add(point);
            }

            if (fields[2].Length > 0)
            {
                Canonical[point] = Points(fields[2]);
            }

            if (fields[3].Length > 0)
            {
                Compatibility[point] = Points(fields[3]);
            }

            if (fields[4].Length > 0)
            {
                int[] pair = Points(fields[4]);
                Pairs[(pair[0], pair[1])] = point;
                Unstable.Add(pair[1]);
            }
            else if (fields[2].Length > 0)
            {
                Unstable.Add(point);
            }
        }

        private static int[] Points(string field) => Array.ConvertAll(field.Split(' '), static hex => int.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
    }
}
