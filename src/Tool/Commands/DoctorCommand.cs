using System.CommandLine;
using System.Text.Json.Nodes;
using FineTuneTool.Tool.Inspection;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>What this machine offers to the engine.</summary>
internal sealed class DoctorCommand : Verb
{
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object on standard output" };

    public DoctorCommand()
        : base("doctor", "What this machine offers: cores, kernels, memory, disk, caches") => Options.Add(_json);

    public override int Run(ParseResult parsed, ToolConsole console, CancellationToken cancellation)
    {
        JsonObject description = MachineInspection.Describe();
        if (parsed.GetValue(_json))
        {
            console.WriteJson(description);
        }
        else
        {
            console.Write(description);
        }

        return ExitCodes.Done;
    }
}
