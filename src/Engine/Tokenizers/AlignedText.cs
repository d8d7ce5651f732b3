namespace FineTuneTool.Engine.Tokenizers;

/// <summary>
/// Code points on their way through normalizers and pre-tokenizers; each knows the range of the original text that it stands for.
/// </summary>
internal sealed class AlignedText
{
    private readonly int[]? _starts;
    private readonly int[]? _ends;

    /// <summary>The original text: point i stands for [i, i + 1).</summary>
    public AlignedText(int[] points)
        : this(points, points.Length)
    {
    }

    /// <summary>As above, of the first <paramref name="length"/> points.</summary>
    public AlignedText(int[] points, int length)
    {
        Points = points;
        Length = length;
    }

    private AlignedText(int[] points, int[] starts, int[] ends, int length)
    {
        Points = points;
        Length = length;
        _starts = starts;
        _ends = ends;
    }

    /// <summary>The code points; only the first <see cref="Length"/> count.</summary>
    public int[] Points { get; }

    public int Length { get; }

    public int OriginalStart(int index) => _starts is null ? index : _starts[index];

    public int OriginalEnd(int index) => _ends is null ? index + 1 : _ends[index];

    /// <summary>Collects a changed text, one code point at a time.</summary>
    public sealed class Builder(int capacity)
    {
        private int[] _points = new int[Math.Max(4, capacity)];
        private int[] _starts = new int[Math.Max(4, capacity)];
        private int[] _ends = new int[Math.Max(4, capacity)];

        public int Length { get; private set; }

        public void Add(int point, int originalStart, int originalEnd)
        {
            if (Length == _points.Length)
            {
                Array.Resize(ref _points, Length * 2);
                Array.Resize(ref _starts, Length * 2);
                Array.Resize(ref _ends, Length * 2);
            }

            _points[Length] = point;
            _starts[Length] = originalStart;
            _ends[Length] = originalEnd;
            Length++;
        }

        /// <summary>Adds a code point that stands for what <paramref name="source"/>[<paramref name="index"/>] stands for.</summary>
        public void Add(int point, AlignedText source, int index) => Add(point, source.OriginalStart(index), source.OriginalEnd(index));

        public void Copy(AlignedText source, int start, int end)
        {
            for (int i = start; i < end; i++)
            {
                Add(source.Points[i], source, i);
            }
        }

        public AlignedText Build() => new(_points, _starts, _ends, Length);
    }
}

/// <summary>The part [<paramref name="Start"/>, <paramref name="End"/>) of a text on its way.</summary>
internal readonly record struct Segment(AlignedText Text, int Start, int End)
{
    public int Length => End - Start;

    public ReadOnlySpan<int> Points => Text.Points.AsSpan(Start, Length);
}
