using System.Text.Encodings.Web;
using System.Text.Json;
using Stories;

// stories corpus COUNT FILE: texts to train a model from the beginning, one {"text"} a line.
// stories rows FIRST COUNT FILE: prompts and stories in the form of the quickstart, one {"messages"} a line.
// stories prompts FIRST COUNT FILE: the prompts of such rows alone, as "finetune generate --jsonl" takes them.
// stories check FILE LEAST MOST: counts the answers of "finetune generate" that have the form; fails where fewer or more than these have it.
var options = new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
Grammar grammar = Grammar.Read();
switch (args)
{
    case ["corpus", string count, string file]:
        Write(file, Enumerable.Range(0, int.Parse(count)).Select(i => JsonSerializer.Serialize(new { text = Tales.Told(grammar, (ulong)i) }, options)));
        return 0;
    case ["rows", string first, string count, string file]:
        Write(file, Tales.Rows(grammar, int.Parse(first), int.Parse(count)).Select(row => JsonSerializer.Serialize(new
        {
            messages = new[] { new { role = "user", content = row.Prompt }, new { role = "assistant", content = row.Answer } },
        }, options)));
        return 0;
    case ["prompts", string first, string count, string file]:
        Write(file, Tales.Rows(grammar, int.Parse(first), int.Parse(count)).Select(row => JsonSerializer.Serialize(new
        {
            messages = new[] { new { role = "user", content = row.Prompt } },
        }, options)));
        return 0;
    case ["check", string file, string least, string most]:
        string[] answers = [.. File.ReadLines(file).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("text").GetString()!)];
        int formed = answers.Count(Tales.HasForm);
        Console.WriteLine($"{formed} of {answers.Length} answers have the form");
        return answers.Length > 0 && formed >= int.Parse(least) && formed <= int.Parse(most) ? 0 : 1;
    default:
        Console.Error.WriteLine("stories corpus COUNT FILE | rows FIRST COUNT FILE | prompts FIRST COUNT FILE | check FILE LEAST MOST");
        return 2;
}

static void Write(string file, IEnumerable<string> lines)
{
    if (Path.GetDirectoryName(Path.GetFullPath(file)) is { } folder)
    {
        Directory.CreateDirectory(folder);
    }

    using var writer = new StreamWriter(file) { NewLine = "\n" };
    foreach (string line in lines)
    {
        writer.WriteLine(line);
    }
}
