using System.Text.Json;
using FineTuneTool.Engine.Formats;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Formats;

public class TensorBoardWriterTests
{
    [Fact]
    public void The_recorded_events_are_written_byte_for_byte()
    {
        using var folder = new TemporaryFolder();
        JsonElement[] records = [.. GoldenFiles.Json("tensorboard", "expected.json").GetProperty("records").EnumerateArray()];
        byte[] golden = File.ReadAllBytes(GoldenFiles.PathOf("tensorboard", "events.out.tfevents.1700000000.host.1234.0"));
        JsonElement[] scalars = [.. records.Skip(1).Where(IsScalar)];
        Assert.True(scalars.Length >= 40);
        using (var writer = new TensorBoardWriter(folder["events"], records[0].GetProperty("wall_time").GetDouble()))
        {
            foreach (JsonElement record in scalars)
            {
                JsonElement value = record.GetProperty("values").EnumerateArray().Single();
                float number = BitConverter.Int32BitsToSingle(Convert.ToInt32(value.GetProperty("bits").GetString(), 16));
                writer.Scalar(value.GetProperty("tag").GetString()!, number, record.GetProperty("step").GetInt64(), WallTime(golden, record));
            }
        }

        byte[] expected = [.. scalars.Prepend(records[0]).SelectMany(record => Record(golden, record))];
        Assert.Equal(expected, File.ReadAllBytes(folder["events"]));
    }

    [Fact]
    public void The_checksum_has_the_recorded_values()
    {
        foreach (JsonElement vector in GoldenFiles.Json("tensorboard", "expected.json").GetProperty("crc32c").EnumerateArray())
        {
            byte[] bytes = Convert.FromHexString(vector.GetProperty("hex").GetString()!);
            Assert.Equal(vector.GetProperty("masked").GetString(), TensorBoardWriter.MaskedCrc(bytes).ToString("x8"));
        }
    }

    [Fact]
    public void File_names_are_those_that_TensorBoard_looks_for() =>
        Assert.StartsWith("events.out.tfevents.1700000000.", TensorBoardWriter.FileName(DateTimeOffset.FromUnixTimeSeconds(1700000000)), StringComparison.Ordinal);

    private static bool IsScalar(JsonElement record) =>
        record.GetProperty("values").GetArrayLength() == 1 && record.GetProperty("values")[0].TryGetProperty("simple_value", out _);

    private static byte[] Record(byte[] golden, JsonElement record)
    {
        int offset = record.GetProperty("offset").GetInt32();
        return golden[offset..(offset + 16 + record.GetProperty("length").GetInt32())];
    }

    /// <summary>The exact time lies in the record; the JSON beside it is rounded.</summary>
    private static double WallTime(byte[] golden, JsonElement record) =>
        BitConverter.ToDouble(golden, record.GetProperty("offset").GetInt32() + 12 + 1);
}
