using System.Xml;
using System.Xml.Linq;

namespace FineTuneTool.Tasks;

/// <summary>An element of a project file with its place; lines and columns count from 1.</summary>
internal sealed record SourceElement(XElement Element, string File)
{
    public int Line => ((IXmlLineInfo)Element).LineNumber;

    /// <summary>The column of the opening bracket, as MSBuild counts.</summary>
    public int Column => Math.Max(1, ((IXmlLineInfo)Element).LinePosition - 1);

    public string Name => Element.Name.LocalName;
}

/// <summary>
/// The text of a project and of the files it imports, in the order in which MSBuild reads them. MSBuild gives tasks values but not
/// places, so places are looked up here.
/// </summary>
internal sealed class ProjectSources
{
    private readonly List<(string File, XElement Root)> _files = [];

    /// <param name="imported">Directory.Build.props and .targets; empty entries and missing files are skipped.</param>
    public ProjectSources(string projectFile, IEnumerable<string> imported)
    {
        string[] shared = [.. imported.Where(path => path.Length > 0)];
        foreach (string file in shared.Where(IsProps))
        {
            Read(file);
        }

        Read(projectFile);
        foreach (string file in shared.Where(file => !IsProps(file)))
        {
            Read(file);
        }
    }

    /// <summary>Every property that is assigned outside targets.</summary>
    public IEnumerable<SourceElement> Properties => Children("PropertyGroup");

    /// <summary>Every item that is included outside targets.</summary>
    public IEnumerable<SourceElement> Items => Children("ItemGroup");

    private static bool IsProps(string file) => file.EndsWith(".props", StringComparison.OrdinalIgnoreCase);

    private IEnumerable<SourceElement> Children(string parent) =>
        _files.SelectMany(source => source.Root.Descendants()
            .Where(element => element.Name.LocalName == parent && element.Ancestors().All(outer => outer.Name.LocalName != "Target"))
            .Elements()
            .Select(element => new SourceElement(element, source.File)));

    private void Read(string file)
    {
        string path = Path.GetFullPath(file);
        if (!File.Exists(path) || _files.Any(known => known.File == path))
        {
            return;
        }

        XElement root;
        try
        {
            using XmlReader reader = XmlReader.Create(path, new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
            root = XDocument.Load(reader, LoadOptions.SetLineInfo).Root!;
        }
        catch (Exception exception) when (exception is XmlException or IOException or UnauthorizedAccessException)
        {
            // Only places get lost: MSBuild itself has read the file, or has said why not.
            return;
        }

        foreach (XElement import in root.Elements().Where(element => element.Name.LocalName == "Import"))
        {
            if (ImportedPath(import, path) is string imported)
            {
                Read(imported);
            }
        }

        _files.Add((path, root));
    }

    /// <summary>The file that an import names, where that needs no evaluation; also the common "next one above" of Directory.Build.props.</summary>
    private static string? ImportedPath(XElement import, string importer)
    {
        if (import.Attribute("Sdk") is not null || import.Attribute("Project")?.Value is not { Length: > 0 } project)
        {
            return null;
        }

        string folder = Path.GetDirectoryName(importer)!;
        if (project.Contains("GetPathOfFileAbove", StringComparison.Ordinal))
        {
            return FileAbove(Path.GetFileName(importer), folder);
        }

        string path = project.Replace("$(MSBuildThisFileDirectory)", folder + "/", StringComparison.OrdinalIgnoreCase).Replace('\\', '/');
        return path.Contains('$') || path.Contains('*') ? null : Path.Combine(folder, path);
    }

    private static string? FileAbove(string name, string folder)
    {
        for (string? above = Path.GetDirectoryName(folder); above is not null; above = Path.GetDirectoryName(above))
        {
            if (File.Exists(Path.Combine(above, name)))
            {
                return Path.Combine(above, name);
            }
        }

        return null;
    }
}
