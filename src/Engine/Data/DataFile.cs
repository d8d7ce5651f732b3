using System.Buffers;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Data;

/// <summary>What the readers of text files share.</summary>
internal static class DataFile
{
    public static readonly SearchValues<byte> WhiteSpace = SearchValues.Create(" \t\r\n"u8);

    public static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    public static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new FineTuneException(Codes.FileUnreadable, $"{path} cannot be read: {exception.Message}", "Check that the file exists and is readable.",
                new SourcePosition(path), exception);
        }
    }

    public static FineTuneException Malformed(string problem, string path, int line) => new(
        Codes.MalformedText, $"This file cannot be read: {problem}.", "Save it as UTF-8; a CSV field with quotes, delimiters or line ends stands in quotes, its own quotes doubled.",
        new SourcePosition(path, line));
}
