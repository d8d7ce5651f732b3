using System.Text;

namespace FineTuneTool.Engine.Generation;

/// <summary>
/// Watches a text that comes in pieces for stop strings. Text is passed on as soon as it cannot be the beginning of one.
/// </summary>
public sealed class StopStringFilter(IReadOnlyList<string> stopStrings)
{
    private readonly string[] _stopStrings = [.. stopStrings.Where(text => text.Length > 0)];
    private readonly StringBuilder _pending = new();

    /// <summary>True once a stop string was complete; nothing more is passed on.</summary>
    public bool Stopped { get; private set; }

    /// <summary>Takes a piece and returns the text that may be shown now.</summary>
    public string Push(string piece)
    {
        if (Stopped || _stopStrings.Length == 0)
        {
            return Stopped ? "" : piece;
        }

        string text = _pending.Append(piece).ToString();
        _pending.Clear();
        int end = _stopStrings.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(index => index >= 0).DefaultIfEmpty(-1).Min();
        if (end >= 0)
        {
            Stopped = true;
            return text[..end];
        }

        int held = _stopStrings.Max(stop => LengthHeld(text, stop));
        _pending.Append(text, text.Length - held, held);
        return text[..^held];
    }

    /// <summary>The text still held back, when no more comes.</summary>
    public string Flush()
    {
        string rest = Stopped ? "" : _pending.ToString();
        _pending.Clear();
        return rest;
    }

    /// <summary>Length of the longest end of the text with which the stop string begins.</summary>
    private static int LengthHeld(string text, string stop)
    {
        int length = Math.Min(text.Length, stop.Length - 1);
        while (length > 0 && !text.AsSpan(text.Length - length).StartsWith(stop.AsSpan(0, length), StringComparison.Ordinal))
        {
            length--;
        }

        return length;
    }
}
