using System.Runtime.InteropServices;
using System.Text.Json;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Formats;

public class GgufFileTests
{
    public static TheoryData<string, bool, bool> Files()
    {
        var data = new TheoryData<string, bool, bool>();
        foreach (JsonElement file in GoldenFiles.Json("gguf_files", "verdicts.json").GetProperty("files").EnumerateArray())
        {
            bool llama = file.GetProperty("llama_cpp_with_data").GetProperty("verdict").GetString() == "ok";
            bool python = file.GetProperty("gguf_python").GetProperty("verdict").GetString() == "ok";
            data.Add(file.GetProperty("file").GetString()!, llama, python);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_file_is_read_exactly_where_both_references_read_it(string name, bool llama, bool python)
    {
        string path = GoldenFiles.PathOf("gguf_files", name);
        if (llama && python)
        {
            using GgufFile file = GgufFile.Open(path);
            JsonElement verdict = GoldenFiles.Json("gguf_files", "verdicts.json").GetProperty("files").EnumerateArray()
                .Single(entry => entry.GetProperty("file").GetString() == name).GetProperty("gguf_python");
            string[] expected = [.. verdict.GetProperty("tensors").EnumerateArray().Select(tensor => tensor.GetRawText().Replace(" ", ""))];
            Assert.Equal(expected, file.Tensors.Select(Describe));
        }
        else
        {
            var failure = Assert.Throws<FineTuneException>(() => GgufFile.Open(path));
            Assert.Equal(Codes.BadGguf, failure.Diagnostic.Code);
            Assert.Equal(path, failure.Diagnostic.Position.File);
        }
    }

    [Fact]
    public void Every_value_type_is_read_in_file_order()
    {
        using GgufFile file = GgufFile.Open(GoldenFiles.PathOf("gguf_files", "valid", "all_value_types.gguf"));
        object[] expected =
        [
            "llama", (byte)200, (sbyte)-5, (ushort)60000, (short)-30000, 4000000000u, -7, 1.5f, true, "한글 🚀", (1UL << 63) + 1,
            -(1L << 62), 0.1, new[] { 1, -2, 3 }, new[] { "x", "" }, Array.Empty<uint>(), new[] { true, false },
        ];
        Assert.Equal(expected.Select(Text), file.Metadata.Select(entry => Text(entry.Value)));
        Assert.Equal(expected.Select(value => value.GetType()), file.Metadata.Select(entry => entry.Value.GetType()));
        Assert.Equal(3, file.Version);
        Assert.Equal(32, file.Alignment);
        Assert.Equal([.. Enumerable.Range(0, 32).Select(i => (float)i)], MemoryMarshal.Cast<byte, float>(file.Tensors.Find("a.weight")!.Span).ToArray());
    }

    [Fact]
    public void Getters_widen_numbers_and_answer_null_for_absent_keys()
    {
        using GgufFile file = GgufFile.Open(GoldenFiles.PathOf("gguf_files", "valid", "all_value_types.gguf"));
        GgufMetadata metadata = file.Metadata;
        Assert.Equal("llama", metadata.GetString("general.architecture"));
        Assert.Equal(200, metadata.GetInteger("k.u8"));
        Assert.Equal(1.5, metadata.GetFloat("k.f32"));
        Assert.Equal(-7.0, metadata.GetFloat("k.i32"));
        Assert.True(metadata.GetBool("k.bool"));
        Assert.Equal([1, -2, 3], metadata.GetIntegers("k.arr_i32")!);
        Assert.Equal([1, -2, 3], metadata.GetFloats("k.arr_i32")!);
        Assert.Equal(["x", ""], metadata.GetStrings("k.arr_str")!);
        Assert.Null(metadata.GetString("absent"));
        Assert.Null(metadata.GetIntegers("absent"));
        Assert.Null(metadata.GetBool("absent"));
    }

    [Fact]
    public void A_value_of_another_kind_is_a_malformed_file()
    {
        using GgufFile file = GgufFile.Open(GoldenFiles.PathOf("gguf_files", "valid", "all_value_types.gguf"));
        Assert.Equal(Codes.BadGguf, Assert.Throws<FineTuneException>(() => file.Metadata.GetString("k.u8")).Diagnostic.Code);
        Assert.Throws<FineTuneException>(() => file.Metadata.GetInteger("k.u64"));
        Assert.Throws<FineTuneException>(() => file.Metadata.GetIntegers("k.arr_str"));
        Assert.Throws<FineTuneException>(() => file.Metadata.GetBool("k.str"));
    }

    [Fact]
    public void A_known_type_that_cannot_be_read_is_named()
    {
        byte[] bytes = File.ReadAllBytes(GoldenFiles.PathOf("gguf_files", "valid", "q8_0_row.gguf"));
        using var folder = new TemporaryFolder();
        using GgufFile original = GgufFile.Open(GoldenFiles.PathOf("gguf_files", "valid", "q8_0_row.gguf"));
        int type = bytes.AsSpan().IndexOf(new byte[] { 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 });
        bytes[type] = 23;
        var failure = Assert.Throws<FineTuneException>(() => GgufFile.Open(folder.Write("iq4_xs.gguf", bytes)));
        Assert.Equal(Codes.UnsupportedTensorType, failure.Diagnostic.Code);
        Assert.Contains("IQ4_XS", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mutated_files_are_read_or_refused_but_never_crash()
    {
        byte[][] seeds = [.. Directory.GetFiles(GoldenFiles.PathOf("gguf_files", "valid")).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
        Mutations.Run(seeds, 2000, path =>
        {
            using GgufFile file = GgufFile.Open(path);
            foreach (StoredTensor tensor in file.Tensors)
            {
                _ = tensor.Span.ToArray();
            }
        });
    }

    private static string Describe(StoredTensor tensor) =>
        JsonSerializer.Serialize(new object[] { tensor.Name, tensor.Shape.Extents.ToArray().Reverse(), tensor.Type.ToString() });

    private static string Text(object value) => JsonSerializer.Serialize(value);
}
