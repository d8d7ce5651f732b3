using System.Text;
using FineTuneTool.Engine.Protocol;

// Stands in for `finetune stage NAME REQUEST`: the setting BaseModel of the request names what it does.
Console.OutputEncoding = new UTF8Encoding(false);
string stage = args[1];
ProjectRequest request = ProjectRequest.Read(args[2]);
string folder = Path.Combine(request.Project.ObjFolder, stage, "0123456789abcdef");

switch (request.Settings["BaseModel"].Value)
{
    case "done":
        Say(new HostLine("milestone") { Text = $"{stage} runs for the first time" });
        for (int i = 1; i <= 3; i++)
        {
            Say(new HostLine("progress") { Activity = stage, Done = i, Total = 5, Detail = $"loss {9 - i}" });
            Say(new HostLine("metric") { Step = i, Values = new Dictionary<string, double> { ["loss"] = 3.0 / i } });
        }

        return End("done", 0);

    case "up-to-date":
        return End("upToDate", 0);

    case "echo":
        // The whole request comes back, so that a test can look at what the build sent.
        Say(new HostLine("milestone") { Text = File.ReadAllText(args[2]) });
        return End("done", 0);

    case "bad-data":
        Say(new HostLine("diagnostic") { Code = "FT0005", Severity = "warning", Message = "LoraRank has no effect.", Remedy = "Remove it.", File = request.Project.File, Line = 4, Column = 5 });
        Say(new HostLine("diagnostic")
        {
            Code = "FT0102",
            Severity = "error",
            Message = "Line 3 is not JSON: {0}.",
            Remedy = "Mend it.",
            File = Path.Combine(request.Project.Directory, "data.jsonl"),
            Line = 3,
            Column = 1,
            HelpLink = "https://example.org/FT0102",
        });
        return End("failed", 1);

    case "crash":
        Console.Error.WriteLine("Unhandled: the tensor is on fire");
        Console.Error.WriteLine("   at Engine.Burn()");
        return 134;

    case "silent-success":
        return 0;

    case "broken-lines":
        Console.Out.WriteLine("warning: some library prints this");
        Console.Out.WriteLine("{\"type\":\"progress\",\"done\":");
        Console.Out.WriteLine("{\"type\":\"metric\",\"step\":\"many\"}");
        Console.Out.WriteLine("{\"type\":\"comet\"}");
        Console.Out.WriteLine("[1,2]");
        Console.Out.WriteLine("");
        return End("done", 0);

    case "loud-errors":
        // More than any pipe holds, before the first line of output.
        for (int i = 0; i < 20000; i++)
        {
            Console.Error.WriteLine($"log line {i} åß∂ 한국어");
        }

        return End("done", 0);

    case "train-until-stop":
        Say(new HostLine("progress") { Activity = "train", Done = 7, Total = 20 });
        Say(new HostLine("milestone") { Text = "training" });
        while (Console.In.ReadLine() is string line && line != "stop")
        {
        }

        Say(new HostLine("milestone") { Text = "checkpoint written" });
        Say(new HostLine("progress") { Activity = "train", Done = 8, Total = 20 });
        Say(new HostLine("progress") { Activity = "evaluate", Done = 1, Total = 3 });
        Say(new HostLine("result") { Status = "stopped" });
        return 130;

    case "deaf":
        Say(new HostLine("milestone") { Text = "training" });
        Thread.Sleep(Timeout.Infinite);
        return 0;

    case "stopped-by-itself":
        Say(new HostLine("result") { Status = "stopped" });
        return 130;

    default:
        Console.Error.WriteLine("unknown scenario");
        return 2;
}

int End(string status, int exitCode)
{
    Say(new HostLine("result") { Status = status, Folder = folder, Outputs = new Dictionary<string, string> { ["adapter"] = Path.Combine(folder, "adapter") }, Seconds = 1 });
    return exitCode;
}

void Say(HostLine line) => Console.Out.WriteLine(line.ToJson());
