using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace FineTuneTool.Engine.Formats;

/// <summary>Reads YAML from strangers: one document, nested no deeper than any file of ours has reason to be.</summary>
internal static class FlatYaml
{
    /// <summary>Nodes are read by recursion, events are not.</summary>
    private const int MaxDepth = 64;

    /// <summary>The root of the only document; null where there is none or another number of them.</summary>
    /// <exception cref="YamlException">The text is not YAML, or is nested too deeply.</exception>
    public static YamlNode? Read(string text)
    {
        var stream = new YamlStream();
        try
        {
            var events = new Parser(new StringReader(text));
            for (int depth = 0; events.MoveNext();)
            {
                depth += events.Current!.NestingIncrease;
                if (depth > MaxDepth)
                {
                    throw new YamlException(events.Current.Start, events.Current.End, "it is nested too deeply");
                }
            }

            stream.Load(new StringReader(text));
        }
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException)
        {
            // The library fails so on some malformed scalars.
            throw new YamlException(Mark.Empty, Mark.Empty, "it holds a malformed value", exception);
        }

        return stream.Documents.Count == 1 ? stream.Documents[0].RootNode : null;
    }
}
