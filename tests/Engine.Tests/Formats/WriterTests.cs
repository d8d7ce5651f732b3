using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Formats;

public class WriterTests
{
    [Fact]
    public void A_safetensors_file_of_the_reference_is_written_again_byte_for_byte()
    {
        using var folder = new TemporaryFolder();
        string golden = GoldenFiles.PathOf("safetensors", "valid", "written_by_torch.safetensors");
        using SafetensorsFile file = SafetensorsFile.Open(golden);
        SafetensorsWriter.Write(folder["again"], file.Tensors.Reverse().Select(tensor => TensorSource.Of(tensor)), file.Metadata);
        Assert.Equal(File.ReadAllBytes(golden), File.ReadAllBytes(folder["again"]));
    }

    [Fact]
    public void A_model_above_the_shard_size_is_cut_and_indexed()
    {
        using var folder = new TemporaryFolder();
        TensorSource[] tensors =
        [
            .. Enumerable.Range(0, 5).Select(i => TensorSource.Of(StoredTensor.FromFloats($"layer.{i}", new Shape(i + 1, 4), new float[(i + 1) * 4]))),
        ];
        SafetensorsWriter.WriteModel(folder.Path, tensors, maxShardBytes: 100);
        folder.Write("config.json", "{}"u8);
        Assert.Equal(
            ["config.json", "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors",
                "model.safetensors.index.json"],
            Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.StartsWith(
            "{\n  \"metadata\": {\n    \"total_size\": 240\n  },\n  \"weight_map\": {\n    \"layer.0\": \"model-00001-of-00003.safetensors\",\n",
            File.ReadAllText(folder["model.safetensors.index.json"]), StringComparison.Ordinal);
        using ModelFiles files = ModelFiles.Open(folder.Path);
        Assert.Equal(5, files.Tensors.Count);
        Assert.Equal(new Shape(4, 4), files.Find("layer.3")!.Shape);
    }

    [Theory]
    [InlineData("all_value_types.gguf")]
    [InlineData("alignment_64.gguf")]
    [InlineData("alignment_8.gguf")]
    [InlineData("minimal.gguf")]
    [InlineData("no_kv_no_tensors.gguf")]
    [InlineData("q8_0_row.gguf")]
    public void A_gguf_file_is_written_again_byte_for_byte(string name) => WriteAgain(GoldenFiles.PathOf("gguf_files", "valid", name));

    [SharedTheory("goldens/formats/gguf_models")]
    [InlineData("tiny-llama-chat/convert.Q8_0.gguf")]
    [InlineData("tiny-llama3-k/quantize.Q4_K_M.gguf")]
    [InlineData("tiny-gemma3/convert.BF16.gguf")]
    public void A_gguf_model_is_written_again_byte_for_byte(string name) => WriteAgain(Path.Combine(Paths.Shared, "goldens", "formats", "gguf_models", name));

    [Fact]
    public void A_tensor_that_gguf_cannot_hold_is_refused()
    {
        using var folder = new TemporaryFolder();
        StoredTensor tensor = StoredTensor.FromFloats(new string('n', 64), new Shape(1), [1]);
        Assert.Throws<ArgumentException>(() => GgufWriter.Write(folder["x.gguf"], new GgufMetadata(), [TensorSource.Of(tensor)]));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_file_whose_writing_fails_leaves_the_old_one_and_nothing_else()
    {
        using var folder = new TemporaryFolder();
        AtomicFile.WriteText(folder["a"], "old");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(folder["a"], stream =>
        {
            stream.WriteByte(1);
            throw new InvalidOperationException();
        }));
        Assert.Equal("old", File.ReadAllText(folder["a"]));
        Assert.Single(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_folder_is_replaced_as_a_whole_or_not_at_all()
    {
        using var folder = new TemporaryFolder();
        AtomicFolder.Write(folder["out"], path => File.WriteAllText(Path.Combine(path, "first"), "1"));
        AtomicFolder.Write(folder["out"], path => File.WriteAllText(Path.Combine(path, "second"), "2"));
        Assert.Throws<InvalidOperationException>(() => AtomicFolder.Write(folder["out"], path =>
        {
            File.WriteAllText(Path.Combine(path, "third"), "3");
            throw new InvalidOperationException();
        }));
        Assert.Equal(["second"], Directory.GetFiles(folder["out"]).Select(Path.GetFileName));
        Assert.Single(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_path_that_cannot_be_written_is_named()
    {
        using var folder = new TemporaryFolder();
        folder.Write("file", [1]);
        var failure = Assert.Throws<FineTuneException>(() => AtomicFile.WriteText(folder["file/below"], "x"));
        Assert.Equal(Codes.FileUnwritable, failure.Diagnostic.Code);
    }

    [Fact]
    public void More_space_than_the_disk_has_is_refused_before_writing()
    {
        using var folder = new TemporaryFolder();
        DiskSpace.Require(folder["new/sub"], 1);
        var failure = Assert.Throws<FineTuneException>(() => DiskSpace.Require(folder["new/sub"], long.MaxValue));
        Assert.Equal(Codes.NotEnoughDisk, failure.Diagnostic.Code);
    }

    [Theory]
    [InlineData(0.0, "0.0")]
    [InlineData(-0.0, "-0.0")]
    [InlineData(1.0, "1.0")]
    [InlineData(0.05, "0.05")]
    [InlineData(1e-4, "0.0001")]
    [InlineData(1e-5, "1e-05")]
    [InlineData(-1.3121242773195263e-05, "-1.3121242773195263e-05")]
    [InlineData(10000.0, "10000.0")]
    [InlineData(123456.75, "123456.75")]
    [InlineData(1e15, "1000000000000000.0")]
    [InlineData(1e16, "1e+16")]
    [InlineData(1.5e300, "1.5e+300")]
    [InlineData(9.999999747378752e-06, "9.999999747378752e-06")]
    [InlineData(0.1, "0.1")]
    [InlineData(1e-6, "1e-06")]
    [InlineData(1e-7, "1e-07")]
    [InlineData(-1e-6, "-1e-06")]
    [InlineData(1e23, "1e+23")]
    [InlineData(9.5e-7, "9.5e-07")]
    [InlineData(9999999999999998.0, "9999999999999998.0")]
    [InlineData(5e-324, "5e-324")]
    public void Floats_are_printed_as_Python_prints_them(double value, string expected) => Assert.Equal(expected, PythonJson.Float(value));

    private static void WriteAgain(string path)
    {
        using var folder = new TemporaryFolder();
        using GgufFile file = GgufFile.Open(path);
        TensorSource[] tensors = [.. file.Tensors.Select(tensor => TensorSource.Of(tensor))];
        GgufWriter.Write(folder["again.gguf"], file.Metadata, tensors);
        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(folder["again.gguf"]));
        Assert.Equal(new FileInfo(path).Length, GgufWriter.Size(file.Metadata, tensors));
    }
}
