using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Formats;

public class SafetensorsFileTests
{
    /// <summary>Refused here although the reference reads it: extents above 2^63.</summary>
    private const string Stricter = "malformed/shape_zero_and_huge.safetensors";

    public static TheoryData<string, bool> Files()
    {
        var data = new TheoryData<string, bool>();
        foreach (JsonElement file in GoldenFiles.Json("safetensors", "verdicts.json").GetProperty("files").EnumerateArray())
        {
            if (file.TryGetProperty("file", out JsonElement name))
            {
                data.Add(name.GetString()!, file.GetProperty("deserialize").GetString() == "ok" && name.GetString() != Stricter);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_file_is_read_exactly_where_the_reference_reads_it(string name, bool accepted)
    {
        string path = GoldenFiles.PathOf("safetensors", name);
        if (!File.Exists(path))
        {
            Assert.Contains("header_1", name, StringComparison.Ordinal);
            return;
        }

        if (!accepted)
        {
            var failure = Assert.Throws<FineTuneException>(() => SafetensorsFile.Open(path));
            Assert.Equal(Codes.BadSafetensors, failure.Diagnostic.Code);
            return;
        }

        using SafetensorsFile file = SafetensorsFile.Open(path);
        JsonElement verdict = GoldenFiles.Json("safetensors", "verdicts.json").GetProperty("files").EnumerateArray()
            .Single(entry => entry.TryGetProperty("file", out JsonElement other) && other.GetString() == name);
        Assert.Equal(
            verdict.GetProperty("tensors").EnumerateObject()
                .Select(tensor => $"{tensor.Name} {tensor.Value.GetRawText().Replace(" ", "")}").Order(StringComparer.Ordinal),
            file.Tensors.Select(tensor => $"{tensor.Name} {Describe(tensor)}").Order(StringComparer.Ordinal));
        var metadata = verdict.GetProperty("metadata");
        Assert.Equal(
            metadata.ValueKind == JsonValueKind.Null ? [] : metadata.EnumerateObject().Select(pair => (pair.Name, pair.Value.GetString()!)).Order(),
            file.Metadata.Select(pair => (pair.Key, pair.Value)).Order());
    }

    [Fact]
    public void Values_lie_where_the_header_says()
    {
        using SafetensorsFile file = SafetensorsFile.Open(GoldenFiles.PathOf("safetensors", "valid", "all_dtypes.safetensors"));
        Assert.Equal("010000", Convert.ToHexStringLower(file.Tensors.Find("t_BOOL")!.Span)[..6]);
        Assert.Equal(24, file.Tensors.Find("t_F64")!.Bytes);
    }

    [Theory]
    [InlineData(100_000_000, true)]
    [InlineData(100_000_001, false)]
    public void A_header_of_the_largest_allowed_size_is_read_and_one_byte_more_refused(int header, bool accepted)
    {
        using var folder = new TemporaryFolder();
        byte[] bytes = new byte[8 + header];
        bytes.AsSpan(8).Fill((byte)' ');
        BitConverter.TryWriteBytes(bytes, (long)header);
        "{}"u8.CopyTo(bytes.AsSpan(8));
        string path = folder.Write("large.safetensors", bytes);
        if (accepted)
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            Assert.Empty(file.Tensors);
        }
        else
        {
            Assert.Throws<FineTuneException>(() => SafetensorsFile.Open(path));
        }
    }

    [Fact]
    public void A_type_known_to_the_reference_only_is_named()
    {
        using var folder = new TemporaryFolder();
        byte[] json = [.. """{"x":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}"""u8];
        string path = folder.Write("f4.safetensors", [.. BitConverter.GetBytes((long)json.Length), .. json, 0]);
        Assert.Equal(Codes.UnsupportedTensorType, Assert.Throws<FineTuneException>(() => SafetensorsFile.Open(path)).Diagnostic.Code);
    }

    [Fact]
    public void Mutated_files_are_read_or_refused_but_never_crash()
    {
        byte[][] seeds = [.. Directory.GetFiles(GoldenFiles.PathOf("safetensors", "valid")).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
        Mutations.Run(seeds, 3000, path =>
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            foreach (StoredTensor tensor in file.Tensors)
            {
                _ = tensor.Span.ToArray();
            }
        });
    }

    private static string Describe(StoredTensor tensor)
    {
        string type = SafetensorsTypes.All.First(pair => pair.Type == tensor.Type).Name;
        return JsonSerializer.Serialize(new object[] { type, tensor.Shape.Extents.ToArray(), tensor.Bytes });
    }
}
