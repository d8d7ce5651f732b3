using System.Text.Json.Nodes;
using FineTuneTool.Engine.Exports;

namespace FineTuneTool.Engine.Tests.Exports;

public class GgufWordsNameTests
{
    private const string ByteLevel = """{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}""";
    private const string Bytes = """{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}""";

    private const string Llama3 =
        """{"type":"Split","pattern":{"Regex":"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},"behavior":"Isolated","invert":false}""";

    [Theory]
    [InlineData(ByteLevel, false, "gpt-2")]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},""" + ByteLevel + "]}", false, "smollm")]
    [InlineData("""{"type":"Sequence","pretokenizers":[""" + Llama3 + "," + Bytes + "]}", true, "llama-bpe")]
    [InlineData("""{"type":"Sequence","pretokenizers":[""" + Llama3 + "," + Bytes + "]}", false, "dbrx")]
    [InlineData("""{"type":"Sequence","pretokenizers":[""" + Llama3 + "," + ByteLevel + "]}", true, null)]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":false},""" + ByteLevel + "]}", false, null)]
    [InlineData("""{"type":"ByteLevel","add_prefix_space":true,"use_regex":true}""", false, null)]
    [InlineData("""{"type":"Whitespace"}""", false, null)]
    [InlineData("null", false, null)]
    [InlineData("[1]", false, null)]
    public void A_rule_has_the_name_that_llama_cpp_gives_it(string preTokenizer, bool ignoreMerges, string? name)
    {
        JsonObject definition = JsonNode.Parse(
            $$$"""{"normalizer":null,"pre_tokenizer":{{{preTokenizer}}},"model":{"type":"BPE","ignore_merges":{{{(ignoreMerges ? "true" : "false")}}},"merges":[]}}""")!.AsObject();
        Assert.Equal(name, GgufWordsName.Of(definition));
    }

    [Theory]
    [InlineData("""{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}""", "null", true)]
    [InlineData("""{"type":"Replace","pattern":{"String":" "},"content":"▁"}""", """{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious"}""", false)]
    [InlineData("null", """{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"}""", true)]
    [InlineData("null", """{"type":"Metaspace","replacement":"▁","prepend_scheme":"never"}""", false)]
    [InlineData("""{"type":"NFKC"}""", "null", null)]
    [InlineData("null", "null", null)]
    public void A_SentencePiece_vocabulary_is_known_by_how_it_writes_spaces(string normalizer, string preTokenizer, bool? prefix)
    {
        JsonObject definition = JsonNode.Parse(
            $$$"""{"normalizer":{{{normalizer}}},"pre_tokenizer":{{{preTokenizer}}},"model":{"type":"BPE","byte_fallback":true}}""")!.AsObject();
        var scores = SentencePieceScores.Read(definition, ["a b", "c d", "ab cd", "abc d"]);
        Assert.Equal(prefix, scores?.AddSpacePrefix);
        if (scores is not null)
        {
            Assert.Equal([-0f, -1f, -2f, -3f], new[] { "ab", "cd", "abcd", "z" }.Select(scores.Of));
        }
    }
}
