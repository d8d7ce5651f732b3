using System.IO.Compression;
using BenchmarkDotNet.Attributes;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Benchmarks;

/// <summary>The tokenizer of SmolLM2 (byte-level, 49,152 words) over the conversations of examples/smoltalk: 79,000 characters of JSON.</summary>
public class TokenizerBenchmarks
{
    private Tokenizer _tokenizer = null!;
    private string _text = null!;
    private string[] _lines = null!;
    private int[] _ids = null!;

    [GlobalSetup]
    public void Setup()
    {
        string folder = Directory.CreateTempSubdirectory("finetune-benchmarks-").FullName;
        using (var packed = new GZipStream(File.OpenRead(Path.Combine(AppContext.BaseDirectory, "data", "tokenizer.json.gz")), CompressionMode.Decompress))
        using (FileStream target = File.Create(Path.Combine(folder, "tokenizer.json")))
        {
            packed.CopyTo(target);
        }

        _tokenizer = TokenizerFiles.FromFolder(folder);
        Directory.Delete(folder, recursive: true);
        _text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "data", "train.jsonl"));
        _lines = _text.Split('\n');
        _ids = _tokenizer.EncodeIds(_text);
        Console.WriteLine($"// {_text.Length} characters, {_lines.Length} lines, {_ids.Length} tokens");
    }

    [Benchmark]
    public int Encode() => _tokenizer.EncodeIds(_text).Length;

    [Benchmark]
    public int EncodeLinesWithOffsets() => _lines.Sum(line => _tokenizer.Encode(line).Ids.Length);

    [Benchmark]
    public int Decode() => _tokenizer.Decode(_ids, skipSpecialTokens: false).Length;
}
