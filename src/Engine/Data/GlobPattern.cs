namespace FineTuneTool.Engine.Data;

/// <summary>
/// A pattern of file names as data sets' cards have it: * and ? within a name, ** across folders, **/ for any folders or none, [] for one of some signs
/// ([! for none of them). Takes time by the length of pattern times path, whatever the pattern, since it comes from a stranger.
/// </summary>
internal sealed class GlobPattern
{
    private const int MaxLength = 1024;

    private readonly List<Step> _steps = [];

    private enum Kind
    {
        Sign,
        OneOf,
        NoneOf,
        AnySign,
        AnyName,
        AnyPath,

        /// <summary>Begins folders or passes over the next step, <see cref="InFolders"/>, which ends after a "/".</summary>
        Folders,
        InFolders,
    }

    /// <param name="pattern">Longer ones than any path has match nothing.</param>
    public GlobPattern(string pattern)
    {
        string text = pattern.Length > MaxLength ? "[]" : pattern.StartsWith("./", StringComparison.Ordinal) ? pattern[2..] : pattern;
        for (int i = 0; i < text.Length;)
        {
            i += Read(text.AsSpan(i));
        }
    }

    public bool Matches(string path)
    {
        bool[] at = new bool[_steps.Count + 1], next = new bool[_steps.Count + 1];
        Enter(at, 0);
        foreach (char sign in path)
        {
            Array.Clear(next);
            for (int i = 0; i < _steps.Count; i++)
            {
                if (at[i])
                {
                    Take(i, sign, next);
                }
            }

            (at, next) = (next, at);
        }

        return at[^1];
    }

    /// <summary>Reads one step; returns its length.</summary>
    private int Read(ReadOnlySpan<char> text)
    {
        if (text.StartsWith("**/"))
        {
            _steps.AddRange([new Step(Kind.Folders), new Step(Kind.InFolders)]);
            return 3;
        }

        int close = text[0] == '[' ? text.IndexOf(']') : -1;
        if (close > 1)
        {
            bool none = text[1] is '!' or '^';
            _steps.Add(new Step(none ? Kind.NoneOf : Kind.OneOf, Signs(text[(none ? 2 : 1)..close])));
            return close + 1;
        }

        bool across = text.StartsWith("**");
        _steps.Add(across ? new Step(Kind.AnyPath) : text[0] == '*' ? new Step(Kind.AnyName) : text[0] == '?' ? new Step(Kind.AnySign) : new Step(Kind.Sign, text[..1].ToString()));
        return across ? 2 : 1;
    }

    /// <summary>The signs of a set, ranges such as 0-9 written out.</summary>
    private static string Signs(ReadOnlySpan<char> set)
    {
        var signs = new System.Text.StringBuilder();
        for (int i = 0; i < set.Length; i++)
        {
            bool isRange = i + 2 < set.Length && set[i + 1] == '-' && set[i + 2] < 128;
            for (char sign = set[i]; sign <= (isRange ? set[i + 2] : set[i]); sign++)
            {
                signs.Append(sign);
                if (sign == char.MaxValue)
                {
                    break;
                }
            }

            i += isRange ? 2 : 0;
        }

        return signs.ToString();
    }

    /// <summary>Marks a step as one where matching may go on, and those behind it that need no sign before.</summary>
    private void Enter(bool[] at, int step)
    {
        if (at[step])
        {
            return;
        }

        at[step] = true;
        if (step == _steps.Count)
        {
            return;
        }

        switch (_steps[step].Kind)
        {
            case Kind.AnyName or Kind.AnyPath:
                Enter(at, step + 1);
                break;
            case Kind.Folders:
                at[step + 1] = true;
                Enter(at, step + 2);
                break;
        }
    }

    private void Take(int step, char sign, bool[] next)
    {
        (Kind kind, string? signs) = _steps[step];
        bool inName = sign != '/';
        switch (kind)
        {
            case Kind.AnyPath:
            case Kind.AnyName when inName:
                Enter(next, step);
                break;
            case Kind.InFolders:
                next[step] = true;
                if (!inName)
                {
                    Enter(next, step + 1);
                }

                break;
            case Kind.AnySign when inName:
            case Kind.Sign when signs![0] == sign:
            case Kind.OneOf when inName && signs!.Contains(sign):
            case Kind.NoneOf when inName && !signs!.Contains(sign):
                Enter(next, step + 1);
                break;
        }
    }

    private readonly record struct Step(Kind Kind, string? Signs = null);
}
