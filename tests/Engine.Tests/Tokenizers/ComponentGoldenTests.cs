using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.Engine.Tokenizers.Normalizers;
using FineTuneTool.Engine.Tokenizers.PreTokenizers;
using FineTuneTool.Engine.Tokenizers.Unicode;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Tokenizers;

/// <summary>Each normalizer, pre-tokenizer and decoder alone, against the reference library.</summary>
public class ComponentGoldenTests
{
    private static readonly JsonElement Components = TokenizerGoldens.Json(Path.Combine(TokenizerGoldens.Local, "tokens", "components.json.gz"));

    public static TheoryData<string> Normalizers => Names("normalizers", ["Precompiled", "UnigramFull"]);

    public static TheoryData<string> PreTokenizers => Names("pre_tokenizers", []);

    public static TheoryData<string> Decoders => Names("decoders", []);

    [Theory]
    [MemberData(nameof(Normalizers))]
    public void A_normalizer_equals_the_reference_library(string name) => CompareNormalizer(name, Find("normalizers", name).GetProperty("config"));

    /// <summary>These are stored with the tokenizer that uses them.</summary>
    [SharedTheory("goldens/text/tokenizers")]
    [InlineData("Precompiled")]
    [InlineData("UnigramFull")]
    public void Compiled_rules_equal_the_reference_library(string name)
    {
        JsonElement whole = TokenizerGoldens.Json(Path.Combine(TokenizerGoldens.Shared, "tokenizers", "spm_unigram", "tokenizer.json.gz")).GetProperty("normalizer");
        CompareNormalizer(name, name == "UnigramFull" ? whole : whole.GetProperty("normalizers")[0]);
    }

    [SharedFact("goldens/text/tokenizers")]
    public void Compiled_rules_change_the_recorded_code_points_and_no_others()
    {
        JsonElement json = TokenizerGoldens.Json(Path.Combine(TokenizerGoldens.Shared, "tokenizers", "spm_unigram", "tokenizer.json.gz"));
        Normalizer normalizer = NormalizerJson.Read(Part(json.GetProperty("normalizer").GetProperty("normalizers")[0]))!;
        JsonElement changed = Components.GetProperty("precompiled_changed_code_points_1_to_1FFFF");
        foreach (int point in Enumerable.Range(1, 0x1FFFF).Where(point => point is < 0xD800 or > 0xDFFF))
        {
            string text = char.ConvertFromUtf32(point);
            string expected = changed.TryGetProperty(point.ToString("X", null), out JsonElement value) ? value.GetString()! : text;
            Assert.Equal((point, expected), (point, Normalized(normalizer, text)));
        }
    }

    [Theory]
    [MemberData(nameof(PreTokenizers))]
    public void A_pre_tokenizer_equals_the_reference_library(string name)
    {
        JsonElement component = Find("pre_tokenizers", name);
        PreTokenizer preTokenizer = PreTokenizerJson.Read(Part(component.GetProperty("config")), spellAll: true).PreTokenizer!;
        foreach (JsonElement test in component.GetProperty("cases").EnumerateArray())
        {
            int[] points = CodePoints.FromString(TokenizerGoldens.Texts[test[0].GetString()!]);
            var pieces = new Pieces(new Segment(new AlignedText(points), 0, points.Length));
            preTokenizer.Apply(pieces);
            string actual = string.Join('|', pieces.Spans.Select(span =>
                $"{CodePoints.ToString(pieces.Text.Points.AsSpan(span.Start, span.Length))} {pieces.Text.OriginalStart(span.Start)} {pieces.Text.OriginalEnd(span.End - 1)}"));
            string expected = string.Join('|', test[1].EnumerateArray().Select(piece => $"{piece[0]} {piece[1]} {piece[2]}"));
            Assert.True(expected == actual, $"{test[0]}:\nexpected {expected}\ngot      {actual}");
        }
    }

    [Theory]
    [MemberData(nameof(Decoders))]
    public void A_decoder_equals_the_reference_library(string name)
    {
        JsonElement component = Find("decoders", name);
        var decoder = DecoderJson.Read(Part(component.GetProperty("config")));
        foreach (JsonElement test in component.GetProperty("cases").EnumerateArray().Where(test => test[1].ValueKind == JsonValueKind.String))
        {
            string actual = string.Concat(decoder.Decode([.. test[0].EnumerateArray().Select(token => token.GetString()!)]));
            Assert.True(test[1].GetString() == actual, $"{test[0]}: expected {test[1].GetRawText()}, got {JsonSerializer.Serialize(actual)}");
        }
    }

    [Theory]
    [InlineData("normalizers", "Transliterate")]
    [InlineData("pre_tokenizers", "Syllables")]
    [InlineData("decoders", "Telegraph")]
    public void A_component_that_is_not_supported_is_named(string kind, string type)
    {
        JsonPart part = Part(JsonDocument.Parse($$"""{ "type": "{{type}}" }""").RootElement);
        Action read = kind switch
        {
            "normalizers" => () => NormalizerJson.Read(part),
            "pre_tokenizers" => () => PreTokenizerJson.Read(part),
            _ => () => DecoderJson.Read(part),
        };
        Diagnostic diagnostic = Assert.Throws<FineTuneException>(read).Diagnostic;
        Assert.Equal(Codes.UnsupportedTokenizer, diagnostic.Code);
        Assert.Contains(type, diagnostic.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(@"\p{L}", (int)PointClass.Letter)]
    [InlineData(@"\p{N}", (int)PointClass.Number)]
    [InlineData(@"\p{M}", (int)PointClass.Mark)]
    [InlineData(@"\p{P}", (int)PointClass.Punctuation)]
    [InlineData(@"\p{S}", (int)PointClass.Symbol)]
    [InlineData(@"\s", (int)PointClass.WhiteSpace)]
    [InlineData(@"\d", (int)PointClass.Digit)]
    [InlineData(@"\w", (int)PointClass.Word)]
    public void A_class_holds_the_code_points_of_the_reference_engine(string pattern, int kind)
    {
        var expected = new bool[0x110000];
        foreach (JsonElement range in Components.GetProperty("regex_class_ranges").GetProperty(pattern).EnumerateArray())
        {
            Array.Fill(expected, true, range[0].GetInt32(), range[1].GetInt32() - range[0].GetInt32() + 1);
        }

        IEnumerable<int> scalars = Enumerable.Range(0, 0x110000).Where(point => point is < 0xD800 or > 0xDFFF);
        Assert.Empty(scalars.Where(point => PointClasses.Is(point, (PointClass)kind) != expected[point]).Select(point => point.ToString("X4", null)));
    }

    private static TheoryData<string> Names(string kind, string[] except) =>
        [.. Components.GetProperty(kind).EnumerateArray().Select(component => component.GetProperty("name").GetString()!).Except(except)];

    private static JsonElement Find(string kind, string name) =>
        Components.GetProperty(kind).EnumerateArray().First(component => component.GetProperty("name").GetString() == name);

    private static void CompareNormalizer(string name, JsonElement config)
    {
        Normalizer normalizer = NormalizerJson.Read(Part(config))!;
        foreach (JsonElement test in Find("normalizers", name).GetProperty("cases").EnumerateArray())
        {
            string actual = Normalized(normalizer, TokenizerGoldens.Texts[test[0].GetString()!]);
            Assert.True(test[1].GetString() == actual, $"{test[0]}: expected {test[1].GetRawText()}, got {JsonSerializer.Serialize(actual)}");
        }
    }

    private static string Normalized(Normalizer normalizer, string text)
    {
        int[] points = CodePoints.FromString(text);
        return CodePoints.ToString(normalizer.Normalize(new Segment(new AlignedText(points), 0, points.Length)).Points);
    }

    private static JsonPart Part(JsonElement element) => new(element, "component", "components.json");
}
