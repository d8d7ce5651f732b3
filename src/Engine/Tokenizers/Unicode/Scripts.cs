using System.Globalization;

namespace FineTuneTool.Engine.Tokenizers.Unicode;

/// <summary>The script of every code point in Unicode 9, at which the reference library's table stands; read from scripts-9.txt.</summary>
internal static class Scripts
{
    private static readonly Lazy<(int[] Starts, string[] Names)> Runs = new(Load);

    /// <summary>The script's name ("Han"); empty where none is known.</summary>
    public static string Of(int point)
    {
        int at = Array.BinarySearch(Runs.Value.Starts, point);
        return Runs.Value.Names[at >= 0 ? at : ~at - 1];
    }

    private static (int[] Starts, string[] Names) Load()
    {
        var starts = new List<int>();
        var names = new List<string>();
        using var reader = new StreamReader(typeof(Scripts).Assembly.GetManifestResourceStream($"{typeof(Scripts).Namespace}.scripts-9.txt")!);
        while (reader.ReadLine() is { } line)
        {
            if (!line.StartsWith('#'))
            {
                string[] fields = line.Split(' ');
                starts.Add(int.Parse(fields[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                names.Add(fields.Length > 1 ? string.Intern(fields[1]) : "");
            }
        }

        return ([.. starts], [.. names]);
    }
}
