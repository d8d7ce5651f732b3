namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>What becomes of the matches of a splitting pattern.</summary>
internal enum SplitBehavior
{
    /// <summary>They are dropped.</summary>
    Removed,

    /// <summary>Each is a piece.</summary>
    Isolated,

    /// <summary>Each joins the piece before it.</summary>
    MergedWithPrevious,

    /// <summary>Each joins the piece after it.</summary>
    MergedWithNext,

    /// <summary>Neighbouring matches make one piece.</summary>
    Contiguous,
}

/// <summary>Cuts one piece.</summary>
internal static class SplitBehaviors
{
    /// <summary>Appends the pieces of <paramref name="text"/>, moved by <paramref name="offset"/>, to <paramref name="output"/>.</summary>
    public static void Split(ReadOnlySpan<int> text, int offset, SplitPattern pattern, SplitBehavior behavior, bool invert, List<TextSpan> output)
    {
        bool mergesForward = behavior == SplitBehavior.MergedWithNext;
        int first = output.Count;
        bool previousWasMatch = false;
        bool pending = false;
        int done = 0;
        bool found = pattern.Find(text, 0, out int start, out int end);
        while (found || done < text.Length)
        {
            int stop = found ? start : text.Length;
            if (stop > done)
            {
                Take(done, stop, isMatch: invert);
            }

            if (!found)
            {
                break;
            }

            if (end > start)
            {
                Take(start, end, isMatch: !invert);
            }

            done = end;
            found = pattern.FindAfter(text, start, end, out start, out end);
        }

        void Take(int from, int to, bool isMatch)
        {
            var span = new TextSpan(offset + from, offset + to);
            bool joins = output.Count > first && behavior switch
            {
                SplitBehavior.MergedWithPrevious => isMatch && !previousWasMatch,
                SplitBehavior.Contiguous => isMatch == previousWasMatch,
                SplitBehavior.MergedWithNext => pending && !isMatch,
                _ => false,
            };
            if (joins)
            {
                output[^1] = new TextSpan(output[^1].Start, span.End);
            }
            else if (!(isMatch && behavior == SplitBehavior.Removed))
            {
                output.Add(span);
            }

            pending = mergesForward && isMatch;
            previousWasMatch = isMatch;
        }
    }
}
