using FineTuneTool.Engine.Tokenizers.Models;
using FineTuneTool.Engine.Tokenizers.PreTokenizers;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>Memory that encoding one text needs and the next can use again. One thread's own; after a very long text it is given back.</summary>
internal sealed class EncodingScratch
{
    private const int MostKept = 1 << 18;

    [ThreadStatic]
    private static EncodingScratch? own;

    private readonly int[] _points = new int[1 << 14];

    private EncodingScratch()
    {
    }

    public TokenSink Sink { get; } = new(withOffsets: false);

    public Pieces Pieces { get; } = new(new Segment(new AlignedText([]), 0, 0));

    /// <summary>This thread's memory, ready for a new text.</summary>
    public static EncodingScratch Take(bool withOffsets)
    {
        if (own is null || own.Sink.Ids.Capacity > MostKept || own.Pieces.Spans.Capacity > MostKept)
        {
            own = new EncodingScratch();
        }

        own.Sink.Reset(withOffsets);
        return own;
    }

    /// <summary>The code points of a text, which stay until the next one.</summary>
    public AlignedText Read(string text)
    {
        int[] points = text.Length <= _points.Length ? _points : new int[text.Length];
        return new AlignedText(points, CodePoints.FromString(text, points));
    }
}
