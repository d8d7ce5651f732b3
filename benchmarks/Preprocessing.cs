using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Data.Cleaning;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Benchmarks;

/// <summary>
/// A file of 200,000 generated conversations of about 1 kB (FINETUNE_ROWS for another number) through the whole of preprocessing: read, cleaned,
/// near-duplicates removed, split, rendered with the template (FINETUNE_TEMPLATE, chatml), tokenised, written. Every fiftieth row repeats an earlier one,
/// every twenty-fifth does so with a few words changed.
/// </summary>
internal static class Preprocessing
{
    private const int MaxSeqLength = 2048;

    public static void Run(int threads, string? kernels)
    {
        int rows = int.Parse(Environment.GetEnvironmentVariable("FINETUNE_ROWS") ?? "200000", CultureInfo.InvariantCulture);
        string folder = Directory.CreateTempSubdirectory("finetune-benchmarks-").FullName;
        try
        {
            string file = Path.Combine(folder, "conversations.jsonl");
            Write(file, rows);
            Tokenizer tokenizer = Tokenizing.Open(Path.Combine(AppContext.BaseDirectory, "data"));
            PromptTemplate template = PromptTemplates.Find(Environment.GetEnvironmentVariable("FINETUNE_TEMPLATE") ?? "chatml", folder, tokenizer);
            var settings = new PreprocessSettings { MaxSeqLength = MaxSeqLength, ValidationSplitRatio = 0.05, Cleaning = new CleaningSettings { NearDuplicates = NearDuplicates.Drop } };
            var source = new DataSource(file, null, null, new Dictionary<string, string>(), 0, default);
            var watch = Stopwatch.StartNew();
            TimeSpan used = Environment.CpuUsage.TotalTime;
            PreprocessResult result = new PreprocessPipeline(settings, tokenizer, template, new Silence()).Run([source], Path.Combine(folder, "out"), threads);
            double seconds = watch.Elapsed.TotalSeconds, processor = (Environment.CpuUsage.TotalTime - used).TotalSeconds, bytes = new FileInfo(file).Length;
            Console.WriteLine(result.Statistics.Summary);
            Console.WriteLine(
                $"{rows} rows, {bytes / 1e6:F1} MB, {threads} threads: {seconds:F1} s, {bytes / seconds / 1e6:F1} MB/s; {processor:F1} s of processor time, {bytes / processor / 1e6:F1} MB/s of one core; "
                + $"peak memory {Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0:F0} MiB");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Conversations of sentences out of the example's, with numbers and names of their own.</summary>
    private static void Write(string file, int rows)
    {
        string[] sentences = Sentences();
        var random = new CounterRandom(7, RandomPurpose.Shuffle);
        using FileStream stream = File.Create(file);
        using var writer = new Utf8JsonWriter(stream);
        var builder = new StringBuilder();
        for (int row = 0; row < rows; row++)
        {
            bool edited = row % 25 == 12;
            int content = edited || row % 50 == 7 ? row - 1 : row;
            ulong next = (ulong)content << 20;
            writer.WriteStartObject();
            writer.WriteStartArray("messages");
            for (int turn = 0; turn < 4; turn++)
            {
                builder.Clear();
                for (int length = turn % 2 == 0 ? 110 : 360; builder.Length < length;)
                {
                    string sentence = sentences[(int)(random.Uniform(next++) * sentences.Length)];
                    builder.Append(sentence).Append(random.Uniform(next++) < 0.2f
                        ? string.Create(CultureInfo.InvariantCulture, $" It was number {(int)(random.Uniform(next++) * 1e6f)} of {Name(random, ref next)}. ") : " ");
                }

                if (edited && turn == 3)
                {
                    builder.Append("Good luck!");
                }

                writer.WriteStartObject();
                writer.WriteString("role", turn % 2 == 0 ? "user" : "assistant");
                writer.WriteString("content", builder.ToString().TrimEnd());
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
            writer.Flush();
            writer.Reset();
            stream.WriteByte((byte)'\n');
        }
    }

    private static string[] Sentences() =>
    [
        .. from line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "data", "train.jsonl"))
           from message in JsonNode.Parse(line)!["messages"]!.AsArray()
           from sentence in message!["content"]!.GetValue<string>().Split(['.', '!', '?', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
           where sentence.Length > 15
           select sentence + ".",
    ];

    private static string Name(CounterRandom random, ref ulong next)
    {
        string name = "";
        for (int i = 0; i < 3; i++)
        {
            name += "BKLMNRST"[(int)(random.Uniform(next++) * 8)].ToString() + "aeiou"[(int)(random.Uniform(next++) * 5)];
        }

        return name;
    }

    private sealed class Silence : IEventSink
    {
        public void Emit(EngineEvent engineEvent)
        {
        }
    }
}
