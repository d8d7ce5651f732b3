using System.Globalization;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Tool.Terminal;

namespace FineTuneTool.Tool.Commands;

/// <summary>Texts that a command line names: a file, standard input (<c>-</c>), or a list of token ids.</summary>
internal static class TextInput
{
    /// <exception cref="FineTuneException">FT0301: the file cannot be read.</exception>
    public static TextReader Open(string file, TextReader input)
    {
        if (file == "-")
        {
            return input;
        }

        try
        {
            return new StreamReader(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new FineTuneException(Codes.FileUnreadable, $"{file} cannot be read: {exception.Message}", "Check the path.", inner: exception);
        }
    }

    /// <summary>A text as given, or all of standard input for <c>-</c>.</summary>
    public static string Text(string text, ToolConsole console) => text == "-" ? console.In.ReadToEnd() : text;

    /// <summary>The whole content of a file.</summary>
    public static string File(string file, ToolConsole console)
    {
        using TextReader reader = Open(file, console.In);
        return reader.ReadToEnd();
    }

    /// <summary>Ids as in <c>1,2,3</c>; spaces may stand beside the commas.</summary>
    /// <exception cref="FineTuneException">FT0001: something is not an id.</exception>
    public static int[] Ids(string list) =>
    [
        .. list.Split(',', StringSplitOptions.TrimEntries).Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int id)
            ? id : throw new FineTuneException(Codes.BadSetting, $"\"{part}\" is no token id.", "Give ids with commas between them, such as --ids 1,2,3.")),
    ];
}
