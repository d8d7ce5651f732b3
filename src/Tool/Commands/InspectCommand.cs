using System.CommandLine;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Stages;
using FineTuneTool.Tool.Inspection;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>Says what a path holds.</summary>
internal sealed class InspectCommand : Verb
{
    private readonly Argument<string> _path = new("path") { Description = "A model, an adapter, a .gguf, .safetensors or data file, or the folder of a stage" };
    private readonly Option<bool> _tensors = new("--tensors") { Description = "List every tensor" };
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object on standard output" };

    public InspectCommand()
        : base("inspect", "What a model, an adapter, a data set or a stage's folder holds")
    {
        Arguments.Add(_path);
        Options.Add(_tensors);
        Options.Add(_json);
    }

    public override int Run(ParseResult parsed, ToolConsole console, CancellationToken cancellation)
    {
        string path = parsed.GetRequiredValue(_path);
        PathInspector? inspector = PathInspector.All.FirstOrDefault(known => known.Fits(path));
        if (inspector is null && !File.Exists(path) && !Directory.Exists(path))
        {
            // Not on the disk: a Hub id in the cache, or nothing.
            path = ModelLocator.Find(path, Directory.GetCurrentDirectory(), SourcePosition.None);
            inspector = PathInspector.All.FirstOrDefault(known => known.Fits(path));
        }

        if (inspector is null)
        {
            throw new FineTuneException(
                Codes.FileUnreadable, $"{path} is none of the kinds that can be inspected.",
                $"Give one of: {string.Join(", ", PathInspector.All.Select(known => known.Kind))}.", new SourcePosition(path));
        }

        var description = new JsonObject { ["kind"] = inspector.Kind, ["path"] = Path.GetFullPath(path) };
        foreach ((string name, JsonNode? value) in inspector.Describe(path))
        {
            description[name] = value?.DeepClone();
        }

        if (parsed.GetValue(_json))
        {
            console.WriteJson(description);
            return ExitCodes.Done;
        }

        if (!parsed.GetValue(_tensors) && description["tensors"] is JsonArray tensors)
        {
            description["tensors"] = tensors.Count;
        }

        console.Write(description);
        return ExitCodes.Done;
    }
}
