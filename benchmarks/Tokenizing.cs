using System.Globalization;
using System.IO.Compression;
using System.Text;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Benchmarks;

/// <summary>
/// Encoding of the records of FINETUNE_TEXT, one by one without added special tokens, with the tokenizer of each folder in FINETUNE_TOKENIZERS
/// (parted by ':'; tokenizer.json may be packed as .gz). A record begins with its round and its place, "0.0 " first.
/// </summary>
internal static class Tokenizing
{
    public static void Run(int threads, string? kernels)
    {
        string? text = Environment.GetEnvironmentVariable("FINETUNE_TEXT"), folders = Environment.GetEnvironmentVariable("FINETUNE_TOKENIZERS");
        if (text is null || folders is null)
        {
            Console.WriteLine("tokenize: set FINETUNE_TEXT to a text of records and FINETUNE_TOKENIZERS to folders with a tokenizer.json.");
            return;
        }

        string[] records = Records(File.ReadAllText(text));
        double bytes = records.Sum(Encoding.UTF8.GetByteCount);
        Report("one letter, 1 MiB", [new string('a', 1 << 20)], 1 << 20);
        Report($"{records.Length} records, {bytes / 1e6:F1} MB", records, bytes);

        void Report(string name, string[] texts, double size)
        {
            foreach (string folder in folders.Split(':'))
            {
                Tokenizer tokenizer = Open(folder);
                long tokens = texts.Sum(record => (long)tokenizer.EncodeIds(record, addSpecialTokens: false).Length);
                double ids = Measure.BestSeconds(() => Array.ForEach(texts, record => tokenizer.EncodeIds(record, addSpecialTokens: false)), 5);
                double ranges = Measure.BestSeconds(() => Array.ForEach(texts, record => tokenizer.Encode(record, addSpecialTokens: false)), 5);
                long before = GC.GetAllocatedBytesForCurrentThread();
                Array.ForEach(texts, record => tokenizer.EncodeIds(record, addSpecialTokens: false));
                double allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                Console.WriteLine(
                    $"{Path.GetFileName(folder.TrimEnd('/'))}, {name}: {tokens} tokens, ids {size / ids / 1e6:F1} MB/s, with ranges {size / ranges / 1e6:F1} MB/s, {allocated / tokens:F1} bytes allocated a token");
            }
        }
    }

    public static Tokenizer Open(string folder)
    {
        string packed = Path.Combine(folder, "tokenizer.json.gz");
        if (!File.Exists(packed))
        {
            return TokenizerFiles.FromFolder(folder);
        }

        string target = Directory.CreateTempSubdirectory("finetune-benchmarks-").FullName;
        using (var source = new GZipStream(File.OpenRead(packed), CompressionMode.Decompress))
        using (FileStream file = File.Create(Path.Combine(target, "tokenizer.json")))
        {
            source.CopyTo(file);
        }

        Tokenizer tokenizer = TokenizerFiles.FromFolder(target);
        Directory.Delete(target, recursive: true);
        return tokenizer;
    }

    private static string[] Records(string text)
    {
        var records = new List<string>();
        int start = 0;
        for (int round = 0, place = 1; start < text.Length;)
        {
            int next = text.IndexOf(string.Create(CultureInfo.InvariantCulture, $"\n{round}.{place++} "), start, StringComparison.Ordinal);
            if (next < 0)
            {
                next = text.IndexOf(string.Create(CultureInfo.InvariantCulture, $"\n{++round}.0 "), start, StringComparison.Ordinal);
                place = 1;
            }

            int end = next < 0 ? text.Length : next + 1;
            records.Add(text[start..end]);
            start = end;
        }

        return [.. records];
    }
}
