using FineTuneTool.Engine.Tokenizers.PreTokenizers;

namespace FineTuneTool.Engine.Tokenizers.Normalizers;

/// <summary>Replaces every match of a pattern. What is put in stands for the last code point of the match.</summary>
internal sealed class ReplaceNormalizer(SplitPattern pattern, int[] content) : Normalizer
{
    public override Segment Normalize(Segment segment)
    {
        ReadOnlySpan<int> points = segment.Points;
        if (!pattern.Find(points, 0, out int start, out int end))
        {
            return segment;
        }

        var builder = new AlignedText.Builder(points.Length + 8);
        int done = 0;
        do
        {
            builder.Copy(segment.Text, segment.Start + done, segment.Start + start);
            foreach (int point in content)
            {
                builder.Add(point, segment.Text, segment.Start + Math.Max(end - 1, 0));
            }

            done = end;
        }
        while (pattern.FindAfter(points, start, end, out start, out end));

        builder.Copy(segment.Text, segment.Start + done, segment.End);
        return Whole(builder);
    }
}
