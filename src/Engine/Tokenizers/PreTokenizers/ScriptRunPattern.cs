using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.PreTokenizers;

/// <summary>
/// Runs of one script. Spaces, and code points of no known script, stay in the run before; Japanese syllables count as Han.
/// </summary>
internal sealed class ScriptRunPattern : SplitPattern
{
    private const int LongVowelMark = 0x30FC;

    public override bool Find(ReadOnlySpan<int> text, int from, out int start, out int end)
    {
        start = from;
        while (start < text.Length && Script(text[start]).Length == 0)
        {
            start++;
        }

        end = start;
        for (string first = start < text.Length ? Script(text[start]) : ""; end < text.Length; end++)
        {
            string script = Script(text[end]);
            if (script.Length > 0 && script != first)
            {
                break;
            }
        }

        return start < text.Length;
    }

    private static string Script(int point) => point switch
    {
        ' ' => "",
        LongVowelMark => "Han",
        _ => Scripts.Of(point) is "Hiragana" or "Katakana" ? "Han" : Scripts.Of(point),
    };
}
