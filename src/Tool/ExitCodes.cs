namespace FineTuneTool.Tool;

/// <summary>What the command tells the shell.</summary>
internal static class ExitCodes
{
    public const int Done = 0;

    /// <summary>A diagnostic with severity error was printed.</summary>
    public const int Failed = 1;

    public const int WrongUsage = 2;

    /// <summary>Stopped by the user: 128 + SIGINT, as shells expect.</summary>
    public const int Stopped = 130;
}
