using System.Globalization;
using FineTuneTool.Tool;
using FineTuneTool.Tool.Terminal;

// What the command reads and prints is the same on every machine, whatever its language.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
CultureInfo.DefaultThreadCurrentUICulture = CultureInfo.CurrentUICulture = CultureInfo.InvariantCulture;

using var interruption = new CancellationTokenSource();
Console.CancelKeyPress += (_, press) =>
{
    // The first press asks the work to stop; a second one ends the process.
    press.Cancel = !interruption.IsCancellationRequested;
    interruption.Cancel();
};

return ToolHost.Run(args, ToolConsole.Standard(), interruption.Token);
