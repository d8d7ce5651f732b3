using System.Text;
using FineTuneTool.Engine.Tokenizers.PreTokenizers;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.Decoders;

/// <summary>A step from token texts back to the text; the pieces that the last step returns are joined.</summary>
internal abstract class TokenDecoder
{
    public abstract List<string> Decode(List<string> tokens);
}

/// <summary>One decoder after the other.</summary>
internal sealed class SequenceDecoder(IReadOnlyList<TokenDecoder> steps) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) => steps.Aggregate(tokens, (texts, step) => step.Decode(texts));
}

/// <summary>Without a decoder, tokens are words.</summary>
internal sealed class SpacesDecoder : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) => [string.Join(' ', tokens)];
}

/// <summary>Byte letters back to bytes, bytes to text.</summary>
internal sealed class ByteLevelDecoder : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) => [CodePoints.Lossy([.. tokens.SelectMany(ByteLetters.Decode)])];
}

/// <summary>Runs of <c>&lt;0xNN&gt;</c> tokens become the text of these bytes, or one U+FFFD for each where they are not UTF-8.</summary>
internal sealed class ByteFallbackDecoder : TokenDecoder
{
    public override List<string> Decode(List<string> tokens)
    {
        var texts = new List<string>(tokens.Count);
        var bytes = new List<byte>();
        foreach (string token in tokens)
        {
            if (ByteOf(token) is byte value)
            {
                bytes.Add(value);
                continue;
            }

            Flush(bytes, texts);
            texts.Add(token);
        }

        Flush(bytes, texts);
        return texts;
    }

    public static byte? ByteOf(string token) =>
        token is ['<', '0', 'x', char high, char low, '>'] && char.IsAsciiHexDigit(high) && char.IsAsciiHexDigit(low)
            ? (byte)Convert.ToInt32(token[3..5], 16)
            : null;

    private static void Flush(List<byte> bytes, List<string> texts)
    {
        if (bytes.Count == 0)
        {
            return;
        }

        byte[] run = [.. bytes];
        bytes.Clear();
        if (CodePoints.IsUtf8(run))
        {
            texts.Add(Encoding.UTF8.GetString(run));
        }
        else
        {
            texts.AddRange(Enumerable.Repeat("\uFFFD", run.Length));
        }
    }
}

/// <summary>Joins everything into one text.</summary>
internal sealed class FuseDecoder : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) => [string.Concat(tokens)];
}

/// <summary>Replaces a pattern in every token.</summary>
internal sealed class ReplaceDecoder(SplitPattern pattern, string content) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) => tokens.ConvertAll(Replace);

    private string Replace(string token)
    {
        int[] points = CodePoints.FromString(token);
        if (!pattern.Find(points, 0, out int start, out int end))
        {
            return token;
        }

        var text = new StringBuilder();
        int done = 0;
        do
        {
            text.Append(CodePoints.ToString(points.AsSpan(done, start - done))).Append(content);
            done = end;
        }
        while (pattern.FindAfter(points, start, end, out start, out end));

        return text.Append(CodePoints.ToString(points.AsSpan(done))).ToString();
    }
}

/// <summary>Removes up to so many of one character from the start and from the end of every token.</summary>
internal sealed class StripDecoder(int content, int start, int stop) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) => tokens.ConvertAll(Strip);

    private string Strip(string token)
    {
        int[] points = CodePoints.FromString(token);
        int from = 0;
        int to = points.Length;
        while (from < Math.Min(start, to) && points[from] == content)
        {
            from++;
        }

        while (to > from && points.Length - to < stop && points[to - 1] == content)
        {
            to--;
        }

        return CodePoints.ToString(points.AsSpan(from, to - from));
    }
}

/// <summary>Marks (▁) become spaces; in the first token they were put there by the encoder, so they go.</summary>
internal sealed class MetaspaceDecoder(string mark, PrependScheme scheme) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) =>
        [.. tokens.Select((token, i) => token.Replace(mark, i == 0 && scheme != PrependScheme.Never ? "" : " ", StringComparison.Ordinal))];
}
