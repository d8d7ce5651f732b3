using System.Text.Json;

namespace FineTuneTool.Tool.Tests;

public class DoctorCommandTests
{
    [Fact]
    public void Doctor_tells_cores_kernels_and_memory()
    {
        JsonElement machine = JsonDocument.Parse(ToolRun.InProcess("doctor", "--json").Out).RootElement;
        Assert.Equal(Environment.ProcessorCount, machine.GetProperty("cores").GetInt32());
        Assert.Contains("scalar", machine.GetProperty("kernels").EnumerateArray().Select(name => name.GetString()));
        Assert.True(machine.GetProperty("memory_bytes").GetInt64() > 0);
        Assert.True(machine.GetProperty("disk").GetProperty("free_bytes").GetInt64() > 0);
    }

    [Fact]
    public void Doctor_speaks_in_lines_to_people()
    {
        ToolRun run = ToolRun.InProcess("doctor");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("cores", run.Out, StringComparison.Ordinal);
    }
}
