using FineTuneTool.Engine.Tokenizers.Models;
using FineTuneTool.Engine.Tokenizers.PreTokenizers;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.PostProcessors;

/// <summary>
/// Takes the white space at both ends of a byte-level token out of its range. With <paramref name="addPrefixSpace"/> a
/// single space before the text was put there and is not counted.
/// </summary>
internal sealed class TrimOffsetsPostProcessor(bool addPrefixSpace) : PostProcessor
{
    private static readonly int SpaceLetter = ByteLetters.Letter((byte)' ');

    public override TokenSink Process(TokenSink sink, bool addSpecialTokens, Func<int, string?> tokens)
    {
        for (int i = 0; i < sink.Offsets.Count; i++)
        {
            int[] token = CodePoints.FromString(sink.Surfaces.GetValueOrDefault(i) ?? tokens(sink.Ids[i]) ?? "");
            int leading = token.TakeWhile(IsSpace).Count();
            int trailing = token.Reverse().TakeWhile(IsSpace).Count();
            (int start, int end) = (sink.Offsets[i].Start, sink.Offsets[i].End);
            if (leading > 0)
            {
                bool put = addPrefixSpace && leading == 1 && (i == 0 || start == 0);
                start = Math.Min(start + (put ? 0 : leading), end);
            }

            if (trailing > 0 && end >= trailing)
            {
                end = Math.Max(end - trailing, start);
            }

            sink.Offsets[i] = new TextSpan(start, end);
        }

        return sink;
    }

    private static bool IsSpace(int point) => point == SpaceLetter || PointClasses.Is(point, PointClass.WhiteSpace);
}
