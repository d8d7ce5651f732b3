using System.IO.Compression;
using System.Text.Json;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Tokenizers;

/// <summary>What the reference library answered for one tokenizer, and checks that ours answers the same; see the README of the reference data.</summary>
internal sealed class TokenizerGoldens
{
    private readonly JsonElement _root;

    private TokenizerGoldens(JsonElement root) => _root = root;

    public static string Local => Path.Combine(Paths.Goldens, "text");

    public static string Shared => Path.Combine(Paths.Shared, "goldens", "text");

    /// <summary>The 175 texts by name.</summary>
    public static IReadOnlyDictionary<string, string> Texts { get; } =
        Json(Path.Combine(Local, "inputs", "texts.json")).EnumerateArray().ToDictionary(text => text.GetProperty("name").GetString()!, text => text.GetProperty("text").GetString()!);

    public static TokenizerGoldens Open(string folder, string name) => new(Json(Path.Combine(folder, "tokens", name + ".json.gz")));

    /// <summary>A tokenizer whose tokenizer.json is stored compressed.</summary>
    public static Tokenizer Tokenizer(string folder, string name)
    {
        using var unpacked = new TemporaryFolder();
        string source = Path.Combine(folder, "tokenizers", name);
        File.WriteAllBytes(Path.Combine(unpacked.Path, "tokenizer.json"), Bytes(Path.Combine(source, "tokenizer.json.gz")));
        File.Copy(Path.Combine(source, "tokenizer_config.json"), Path.Combine(unpacked.Path, "tokenizer_config.json"));
        return TokenizerFiles.FromFolder(unpacked.Path);
    }

    public static byte[] Bytes(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        if (!path.EndsWith(".gz", StringComparison.Ordinal))
        {
            return bytes;
        }

        using var unpacked = new MemoryStream();
        using var gzip = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
        gzip.CopyTo(unpacked);
        return unpacked.ToArray();
    }

    public static JsonElement Json(string path) => JsonDocument.Parse(Bytes(path)).RootElement;

    /// <summary>Everything that the file holds about single texts. Returns the differences, the first of each kind in words.</summary>
    public List<string> Differences(Tokenizer tokenizer)
    {
        var differences = new List<string>();
        foreach (JsonElement test in Items("cases"))
        {
            string name = test.GetProperty("text").GetString()!;
            int[] ids = Integers(test, "ids");
            int[] plain = Integers(test, "ids_plain");
            TokenizedText encoded = tokenizer.Encode(Texts[name]);
            TokenizedText encodedPlain = tokenizer.Encode(Texts[name], addSpecialTokens: false);
            Compare($"{name}: ids", ids, encoded.Ids);
            Compare($"{name}: offsets", Integers(test, "offsets"), Flat(encoded.Offsets));
            Compare($"{name}: ids_plain", plain, encodedPlain.Ids);
            Compare($"{name}: offsets_plain", Integers(test, "offsets_plain"), Flat(encodedPlain.Offsets));
            Compare($"{name}: EncodeIds", ids, tokenizer.EncodeIds(Texts[name]));
            Compare($"{name}: decoded", test.GetProperty("decoded").GetString(), tokenizer.Decode(ids, skipSpecialTokens: false));
            Compare($"{name}: decoded_skip", test.GetProperty("decoded_skip").GetString(), tokenizer.Decode(ids, skipSpecialTokens: true));
            Compare($"{name}: decoded_plain", test.GetProperty("decoded_plain").GetString(), tokenizer.Decode(plain, skipSpecialTokens: false));
        }

        foreach (JsonElement test in Items("decode_cases"))
        {
            int[] ids = Integers(test, "ids");
            Compare($"decode [{string.Join(',', ids)}]", test.GetProperty("text").GetString(), tokenizer.Decode(ids, skipSpecialTokens: false));
            Compare($"decode skip [{string.Join(',', ids)}]", test.GetProperty("text_skip").GetString(), tokenizer.Decode(ids, skipSpecialTokens: true));
        }

        foreach (JsonElement test in Items("encode_special_tokens_true"))
        {
            string name = test.GetProperty("text").GetString()!;
            Compare($"{name}: special as text", Integers(test, "ids_plain"), tokenizer.EncodeIds(Texts[name], addSpecialTokens: false, specialTokensAsText: true));
        }

        foreach (JsonElement test in Items("streams"))
        {
            CompareStream(test, tokenizer, differences);
        }

        return differences;

        void Compare<T>(string what, T expected, T actual)
        {
            bool same = expected is int[] numbers ? numbers.AsSpan().SequenceEqual((int[])(object)actual!) : Equals(expected, actual);
            if (!same)
            {
                differences.Add($"{what}: expected {Show(expected)}, got {Show(actual)}");
            }
        }
    }

    private static void CompareStream(JsonElement test, Tokenizer tokenizer, List<string> differences)
    {
        string name = test.GetProperty("text").GetString()!;
        StreamingDecoder stream = tokenizer.CreateStream(test.GetProperty("skip_special_tokens").GetBoolean());
        int[] ids = Integers(test, "ids");
        string?[] expected = [.. test.GetProperty("chunks").EnumerateArray().Select(chunk => chunk.GetString() ?? "")];
        string[] actual = [.. ids.Select(stream.Append)];
        if (!expected.SequenceEqual(actual))
        {
            differences.Add($"{name}: stream: expected {Show(expected)}, got {Show(actual)}");
        }

        string[] prefixes = test.TryGetProperty("prefixes", out JsonElement texts) ? [.. texts.EnumerateArray().Select(prefix => prefix.GetString()!)] : [];
        for (int i = 0; i < prefixes.Length; i++)
        {
            if (tokenizer.Decode(ids.AsSpan(0, i + 1), skipSpecialTokens: true) != prefixes[i])
            {
                differences.Add($"{name}: prefix {i}");
            }
        }
    }

    private static string Show<T>(T value) => JsonSerializer.Serialize(value) is { Length: > 300 } text ? text[..300] + "…" : JsonSerializer.Serialize(value);

    private static int[] Flat(TextSpan[] offsets) => [.. offsets.SelectMany(offset => new[] { offset.Start, offset.End })];

    private static int[] Integers(JsonElement element, string name) => [.. element.GetProperty(name).EnumerateArray().Select(value => value.GetInt32())];

    private IEnumerable<JsonElement> Items(string name) => _root.GetProperty(name).EnumerateArray();
}
