using System.Runtime.InteropServices;
using System.Text.Json;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Training;

namespace FineTuneTool.Engine.Tests.Training;

/// <summary>Compares metrics.csv and final weights with a recorded run.</summary>
internal static class CurveAssert
{
    private const double RateTolerance = 1e-12;

    /// <param name="steps">Of the recorded ones; null = all.</param>
    public static void Follows(CurveGolden golden, string metrics, double lossTolerance, double relativeNormTolerance, int? steps = null)
    {
        IReadOnlyList<MetricsRow> rows = MetricsCsv.Read(metrics);
        Assert.Equal(steps ?? golden.Records.GetArrayLength(), rows.Count);
        long tokens = 0;
        foreach ((MetricsRow row, JsonElement record) in rows.Zip(golden.Records.EnumerateArray()))
        {
            tokens += record.GetProperty("input_tokens").GetInt64();
            Assert.Equal(record.GetProperty("step").GetInt64() + 1, row.Step);
            Assert.Equal(tokens, row.Tokens);
            double rate = record.GetProperty("lr").GetDouble(), norm = record.GetProperty("grad_norm").GetDouble();
            Assert.InRange(Math.Abs(row.LearningRate!.Value - rate), 0, RateTolerance * rate);
            Assert.True(
                Math.Abs(row.Loss!.Value - record.GetProperty("loss").GetDouble()) <= lossTolerance,
                $"step {row.Step}: loss {row.Loss} instead of {record.GetProperty("loss")}");
            Assert.True(
                Math.Abs(row.GradNorm!.Value - norm) <= relativeNormTolerance * norm, $"step {row.Step}: grad norm {row.GradNorm} instead of {norm}");
        }
    }

    /// <summary>|loss − recorded loss| by step.</summary>
    public static double[] LossDrift(CurveGolden golden, string metrics) =>
        [.. MetricsCsv.Read(metrics).Zip(golden.Records.EnumerateArray(), (row, record) => Math.Abs(row.Loss!.Value - record.GetProperty("loss").GetDouble()))];

    /// <summary>Every tensor of the expected file is in the other one and equal within an absolute tolerance.</summary>
    public static void SameTensors(string expectedPath, string actualPath, double tolerance)
    {
        using SafetensorsFile expected = SafetensorsFile.Open(expectedPath), actual = SafetensorsFile.Open(actualPath);
        Assert.NotEmpty(expected.Tensors);
        foreach (StoredTensor tensor in expected.Tensors)
        {
            StoredTensor? other = actual.Tensors.Find(tensor.Name);
            Assert.True(other is not null, $"{tensor.Name} is missing");
            Assert.Equal(tensor.Shape, other.Shape);
            double worst = Floats(tensor).Zip(Floats(other)).Max(pair => Math.Abs(pair.First - pair.Second));
            Assert.True(worst <= tolerance, $"{tensor.Name} differs by {worst}");
        }
    }

    /// <summary>The values of an F32 or BF16 tensor.</summary>
    public static float[] Floats(StoredTensor tensor)
    {
        if (tensor.Type == ElementType.BF16)
        {
            return [.. MemoryMarshal.Cast<byte, ushort>(tensor.Span).ToArray().Select(bits => BitConverter.Int32BitsToSingle(bits << 16))];
        }

        Assert.Equal(ElementType.F32, tensor.Type);
        return MemoryMarshal.Cast<byte, float>(tensor.Span).ToArray();
    }
}
