using System.Runtime.InteropServices;
using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Formats;

public class ModelFilesTests
{
    private static readonly string Sharded = GoldenFiles.PathOf("safetensors", "sharded");

    [Fact]
    public void Shards_are_joined_by_their_index()
    {
        using TemporaryFolder folder = Folder("model.safetensors.index.json");
        using var files = (HuggingFaceModelFiles)ModelFiles.Open(folder.Path);
        Assert.Equal("llama", (string?)files.Config["model_type"]);
        JsonElement expected = GoldenFiles.Json("safetensors", "sharded", "expected.json").GetProperty("tensors");
        Assert.Equal(expected.EnumerateObject().Count(), files.Tensors.Count);
        foreach (JsonProperty tensor in expected.EnumerateObject())
        {
            StoredTensor stored = files.Find(tensor.Name)!;
            Assert.Equal(tensor.Value.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt64()), stored.Shape.Extents.ToArray());
            float[] values = stored.Type == ElementType.F32 ? MemoryMarshal.Cast<byte, float>(stored.Span).ToArray()
                : [.. MemoryMarshal.Cast<byte, ushort>(stored.Span).ToArray().Select(bits => BitConverter.Int32BitsToSingle(bits << 16))];
            Assert.Equal(tensor.Value.GetProperty("values").EnumerateArray().Select(value => value.GetSingle()), values);
        }

        Assert.Equal(
            ["config.json", "model.safetensors.index.json", "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors"],
            files.ContentFiles.Select(Path.GetFileName));
    }

    [Fact]
    public void A_wrong_total_size_in_the_index_does_not_matter()
    {
        using TemporaryFolder folder = Folder("bad_index_wrong_total_size.json");
        using ModelFiles files = ModelFiles.Open(folder.Path);
        Assert.Equal(6, files.Tensors.Count);
    }

    [Theory]
    [InlineData("bad_index_absolute.json", "FT0302")]
    [InlineData("bad_index_traversal.json", "FT0302")]
    [InlineData("bad_index_no_weight_map.json", "FT0302")]
    [InlineData("bad_index_weight_map_number.json", "FT0302")]
    [InlineData("bad_index_tensor_not_in_shard.json", "FT0302")]
    [InlineData("bad_index_missing_shard.json", "FT0301")]
    public void A_bad_index_is_refused(string index, string code)
    {
        using TemporaryFolder folder = Folder(index);
        Assert.Equal(code, Assert.Throws<FineTuneException>(() => ModelFiles.Open(folder.Path)).Diagnostic.Code.Id);
    }

    [Fact]
    public void A_path_that_does_not_exist_is_named()
    {
        var failure = Assert.Throws<FineTuneException>(() => ModelFiles.Open("/nowhere/model.gguf"));
        Assert.Equal(Codes.FileUnreadable, failure.Diagnostic.Code);
        Assert.Contains("/nowhere/model.gguf", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_malformed_configuration_is_named_with_its_place()
    {
        using TemporaryFolder folder = Folder("model.safetensors.index.json");
        folder.Write("config.json", "{\n  \"a\": 1,\n}"u8);
        var failure = Assert.Throws<FineTuneException>(() => ModelFiles.Open(folder.Path));
        Assert.Equal(Codes.BadModelConfig, failure.Diagnostic.Code);
        Assert.Equal(3, failure.Diagnostic.Position.Line);
    }

    [Fact]
    public void Weights_that_can_run_code_are_refused()
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", "{}"u8);
        folder.Write("pytorch_model.bin", [1]);
        Assert.Contains("PyTorch", Assert.Throws<FineTuneException>(() => ModelFiles.Open(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gguf_file_is_a_model()
    {
        string path = GoldenFiles.PathOf("gguf_files", "valid", "minimal.gguf");
        using ModelFiles files = ModelFiles.Open(path);
        Assert.IsType<GgufModelFiles>(files);
        Assert.Equal(new Shape(4, 8), files.Find("a.weight")!.Shape);
        Assert.Equal([path], files.ContentFiles);
    }

    private static TemporaryFolder Folder(string index)
    {
        var folder = new TemporaryFolder();
        folder.Write("config.json", """{"model_type":"llama"}"""u8);
        folder.Write("model.safetensors.index.json", File.ReadAllBytes(Path.Combine(Sharded, index)));
        foreach (string shard in Directory.GetFiles(Sharded, "*.safetensors"))
        {
            folder.Write(Path.GetFileName(shard), File.ReadAllBytes(shard));
        }

        return folder;
    }
}
