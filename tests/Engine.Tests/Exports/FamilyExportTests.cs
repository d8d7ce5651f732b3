using System.Text.Json.Nodes;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Exports;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tests.Models;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;
using TinyModel = FineTuneTool.Engine.Tests.Models.TinyModel;

namespace FineTuneTool.Engine.Tests.Exports;

/// <summary>Models of every family on their way into GGUF files and back into Hugging Face folders.</summary>
public class FamilyExportTests
{
    private const string Root = "goldens/formats/gguf_models";

    [SharedTheory(Root)]
    [InlineData("tiny-qwen3", 1e-4f)]
    [InlineData("tiny-gemma2", 1e-4f)]
    [InlineData("tiny-gemma3", 1e-4f)]
    [InlineData("tiny-phithree", 1e-4f)]
    public void An_exported_file_has_the_logits_of_the_folder(string name, float tolerance)
    {
        using var folder = new TemporaryFolder();
        string golden = Path.Combine(Paths.Shared, Root, name);
        Export(Path.Combine(golden, name), folder["model.gguf"], ElementType.BF16);
        GgufModelGoldenTests.Check(folder["model.gguf"], golden, "hf_torch_f32.prompt_logits", tolerance, "hf_torch_f32_mean_nll");
    }

    /// <summary>llama.cpp evaluates Gemma's GELU through a table of 16-bit numbers.</summary>
    [SharedTheory(Root)]
    [InlineData("tiny-qwen3", 1e-3f)]
    [InlineData("tiny-gemma2", 5e-3f)]
    [InlineData("tiny-gemma3", 5e-3f)]
    [InlineData("tiny-phithree", 1e-3f)]
    public void An_exported_Q8_0_file_has_the_logits_that_llama_cpp_gives_its_numbers(string name, float tolerance)
    {
        using var folder = new TemporaryFolder();
        string golden = Path.Combine(Paths.Shared, Root, name);
        Export(Path.Combine(golden, name), folder["model.gguf"], ElementType.Q8_0);
        GgufModelGoldenTests.Check(folder["model.gguf"], golden, "convert.Q8_0.dequantised_f32.last_logits", tolerance, "convert.Q8_0", expanded: true);
    }

    [SharedTheory(Root)]
    [MemberData(nameof(TinyFamilies.Names), MemberType = typeof(TinyFamilies))]
    public void A_model_of_every_family_goes_into_a_GGUF_file_and_its_description_back(string family)
    {
        using var folder = new TemporaryFolder();
        using TinyModel model = Sayable(family);
        Decoder original = model.Load();
        WriteGguf(model, original, folder["model.gguf"]);
        Decoder read = model.LoadFrom(folder["model.gguf"]);
        Assert.Equal(ModelGolden.Logits(original, TinyModel.Batch()), ModelGolden.Logits(read, TinyModel.Batch()));
        Assert.Null(SpecDifference.Between(original.Spec with { ModelType = read.Spec.ModelType }, read.Spec with { QueryPreAttnScalar = original.Spec.QueryPreAttnScalar }));

        Tokenizer tokenizer = TokenizerFiles.FromFolder(Path.Combine(Paths.Shared, Root, "tiny-llama-chat", "tiny-llama-chat"));
        JsonObject config = HuggingFaceConfig.Make(read.Spec, tokenizer, "float32", unties: false, "model.gguf");
        DecoderSpec written = TinyFamilies.Read(config);
        Assert.Null(SpecDifference.Between(original.Spec with { ModelType = written.ModelType }, written));

        // The rest of the folder is the same for all: the weights under the names of the base.
        Assert.Equal(original.Weights.Select(weight => (weight.Name, weight.Shape)), read.Weights.Select(weight => (weight.Name, weight.Shape)));
    }

    [Theory]
    [InlineData("gemma2", "query_pre_attn_scalar", "9", "query_pre_attn_scalar")]
    [InlineData("gemma2", "attn_logit_softcapping", "null", "no soft cap")]
    [InlineData("gemma2", "layer_types", """["full_attention", "sliding_attention"]""", "order of layers")]
    [InlineData("gemma3_text", "query_pre_attn_scalar", "9", "query_pre_attn_scalar")]
    [InlineData("gemma3_text", "layer_types", """["full_attention", "sliding_attention"]""", "no regular order")]
    [InlineData("phi3", "layer_types", """["full_attention", "sliding_attention"]""", "some of its layers")]
    [InlineData("qwen3", "rope_scaling", """{ "rope_type": "dynamic", "factor": 2 }""", "'dynamic'")]
    [InlineData("qwen3", "rope_scaling", """{ "rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 64 }""", "'llama3'")]
    [InlineData("llama", "rope_scaling", """{ "rope_type": "yarn", "factor": 4, "beta_fast": 16 }""", "'yarn'")]
    public void What_a_GGUF_file_of_the_family_cannot_state_is_refused_by_name(string family, string key, string value, string named)
    {
        using TinyModel model = Sayable(family);
        model.Config[key] = JsonNode.Parse(value);
        Decoder decoder = model.Load();
        using ModelFiles files = ModelFiles.Open(model.Folder);
        var refused = Assert.Throws<FineTuneException>(() => GgufExport.Metadata(files, decoder, new GgufExportSettings(ElementType.F32)));
        Assert.Equal(Codes.UnsupportedArchitecture, refused.Diagnostic.Code);
        Assert.Contains(named, refused.Diagnostic.Message);
    }

    [Fact]
    public void Biases_that_llama_cpp_does_not_load_are_refused()
    {
        using var model = new TinyModel(family: "qwen3");
        Decoder decoder = model.Load();
        using ModelFiles files = ModelFiles.Open(model.Folder);
        var refused = Assert.Throws<FineTuneException>(() => GgufExport.Metadata(files, decoder, new GgufExportSettings(ElementType.F32)));
        Assert.Contains("biases", refused.Diagnostic.Message);
    }

    [Theory]
    [InlineData("gemma", false)]
    [InlineData("gemma2", false)]
    [InlineData("gemma3_text", true)]
    public void A_head_beside_the_embedding_is_written_where_llama_cpp_loads_it(string family, bool loads)
    {
        using TinyModel model = Sayable(family);
        Decoder decoder = model.Load();
        using ModelFiles files = ModelFiles.Open(model.Folder);
        var settings = new LoraSettings { Rank = 2, Alpha = 2, Targets = ModuleSelection.Of("embed_tokens") };
        using LoraAdapter adapter = LoraAdapter.Create(decoder, settings, seed: 1);
        Assert.DoesNotContain(GgufExport.Tensors(files, decoder, null, ElementType.F32), tensor => tensor.Name == "output.weight");
        if (loads)
        {
            Assert.Contains(GgufExport.Tensors(files, decoder, adapter, ElementType.F32), tensor => tensor.Name == "output.weight");
            return;
        }

        var refused = Assert.Throws<FineTuneException>(() => GgufExport.Tensors(files, decoder, adapter, ElementType.F32));
        Assert.Contains("an output head beside its embedding", refused.Diagnostic.Message);
    }

    [Theory]
    [InlineData("yarn")]
    [InlineData("yarn with a factor of its own")]
    [InlineData("linear")]
    [InlineData("longrope")]
    public void Rotary_scaling_of_llama_goes_through_a_GGUF_file(string kind)
    {
        using var folder = new TemporaryFolder();
        using var model = new TinyModel();
        model.Config["rope_scaling"] = JsonNode.Parse(kind switch
        {
            "linear" => """{ "rope_type": "linear", "factor": 4 }""",
            "longrope" => """{ "rope_type": "longrope", "short_factor": [1, 1.5, 2], "long_factor": [1.5, 3, 6], "original_max_position_embeddings": 12 }""",
            "yarn" => """{ "rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 12 }""",
            _ => """{ "rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 12, "attention_factor": 1.25 }""",
        });
        Decoder original = model.Load();
        WriteGguf(model, original, folder["model.gguf"]);
        Decoder read = model.LoadFrom(folder["model.gguf"]);
        Assert.Null(SpecDifference.Between(original.Spec, read.Spec));
        ModelGolden.Near(ModelGolden.Logits(original, TinyModel.Batch()), ModelGolden.Logits(read, TinyModel.Batch()), 1e-5, kind);
    }

    [Theory]
    [InlineData("gemma", "attention.scale", 0.5f, "FT0307", "attention.scale")]
    [InlineData("gemma", "attn_logit_softcapping", 50f, "FT0307", "attn_logit_softcapping")]
    [InlineData("gemma2", "attention.sliding_window_pattern", 3u, "FT0307", "sliding_window_pattern")]
    [InlineData("gemma2", "attention.sliding_window", -1, "FT0306", "sliding_window")]
    [InlineData("gemma2", "final_logit_softcapping", 0f, "FT0306", "final_logit_softcapping")]
    [InlineData("gemma3_text", "attention.sliding_window_pattern", 0u, "FT0306", "sliding_window_pattern")]
    [InlineData("gemma3_text", "rope.freq_base_swa", -1f, "FT0306", "freq_base_swa")]
    [InlineData("qwen3", "rope.dimension_count", 4u, "FT0307", "rope.dimension_count")]
    [InlineData("qwen3", "expert_count", 8u, "FT0307", "expert_count")]
    [InlineData("phi3", "rope.dimension_count", 3u, "FT0306", "rope.dimension_count")]
    [InlineData("phi3", "rope.dimension_count", 6u, "FT0309", "rope_factors")]
    [InlineData("phi3", "rope.scaling.type", "yarn", "FT0307", "rope.scaling.type")]
    [InlineData("phi3", "rope.scaling.original_context_length", 1u, "FT0306", "original_context_length")]
    public void Metadata_of_a_family_that_does_not_fit_is_refused_by_name(string family, string key, object value, string code, string named)
    {
        using var folder = new TemporaryFolder();
        using TinyModel model = Sayable(family);
        WriteGguf(model, model.Load(), folder["model.gguf"], key, value);
        var refused = Assert.Throws<FineTuneException>(() => model.LoadFrom(folder["model.gguf"]));
        Assert.Equal(code, refused.Diagnostic.Code.Id);
        Assert.Contains(named, refused.Diagnostic.Message);
    }

    [Fact]
    public void A_GGUF_file_of_Gemma_3_without_windows_becomes_a_folder_without_them()
    {
        using var folder = new TemporaryFolder();
        using TinyModel model = Sayable("gemma3_text");
        WriteGguf(model, model.Load(), folder["model.gguf"], "attention.sliding_window", 0u);
        DecoderSpec spec = model.LoadFrom(folder["model.gguf"]).Spec;
        var config = new JsonObject { ["model_type"] = "gemma3_text" };
        new Gemma3Family().Write(spec, config);
        Assert.Empty(spec.SlidingWindows);
        Assert.Null(config["sliding_window"]);
        Assert.All(config["layer_types"]!.AsArray(), type => Assert.Equal("full_attention", (string?)type));
    }

    [LlamaCppTheory]
    [InlineData("tiny-qwen3")]
    [InlineData("tiny-gemma2")]
    [InlineData("tiny-gemma3")]
    [InlineData("tiny-phithree")]
    public void The_real_llama_cpp_continues_an_exported_file_as_recorded(string name)
    {
        using var folder = new TemporaryFolder();
        string golden = Path.Combine(Paths.Shared, Root, name);
        Export(Path.Combine(golden, name), folder["model.gguf"], ElementType.F32);
        JsonObject expected = JsonFile.ReadObject(Path.Combine(golden, "expected.json"), Codes.BadModelConfig);
        var file = (JsonObject)expected["files"]!["convert.F32"]!;
        int certain = file["greedy_top2_margins"]!.AsArray().TakeWhile(margin => (double)margin! > 0.0025).Count();
        Assert.True(certain >= 12);
        Assert.Equal(Ids(file["greedy"]!)[..certain], LlamaCpp.Greedy(folder["model.gguf"], Ids(expected["prompt_ids"]!), certain));
        Assert.Equal((double)file["mean_nll"]!, LlamaCpp.MeanNll(folder["model.gguf"], Ids(expected["perplexity_ids"]!)), 2e-3);
    }

    /// <summary>Models without a tokenizer, with one that is larger than their vocabulary: its rows are filled up with zeros.</summary>
    [LlamaCppTheory]
    [InlineData("gemma")]
    [InlineData("phi3-longrope")]
    [InlineData("phi3-partial")]
    [InlineData("llama-yarn")]
    [InlineData("llama-linear")]
    [InlineData("llama3-rope")]
    public void The_real_llama_cpp_gives_an_exported_file_our_likelihood(string name)
    {
        using var golden = new ModelGolden($"tiny/{name}");
        using var folder = new TemporaryFolder();
        string tokenizer = Path.Combine(Paths.Shared, Root, "tiny-gemma2", "tiny-gemma2");
        foreach (string file in new[] { "tokenizer.json", "tokenizer_config.json" })
        {
            File.Copy(Path.Combine(tokenizer, file), folder[file]);
        }

        JsonObject config = JsonFile.ReadObject(Path.Combine(golden.Folder, "config.json"), Codes.BadModelConfig);
        config["vocab_size"] = 480;
        folder.Write("config.json", config.ToJsonString());
        using (SafetensorsFile weights = SafetensorsFile.Open(Path.Combine(golden.Folder, "model.safetensors")))
        {
            SafetensorsWriter.Write(folder["model.safetensors"], weights.Tensors.Select(tensor => TensorSource.Of(Widened(golden, tensor))), SafetensorsWriter.PyTorch);
        }

        Export(folder.Path, folder["model.gguf"], ElementType.F32);
        int[] ids = golden.Sequences[1];
        BatchLoss ours = golden.LoadFrom(folder.Path).Evaluate(ModelGolden.Whole(ids));
        Assert.Equal(ours.LossSum / ours.SupervisedTokens, LlamaCpp.MeanNll(folder["model.gguf"], ids), 2e-3);
    }

    private static StoredTensor Widened(ModelGolden golden, StoredTensor tensor)
    {
        float[] values = new float[tensor.Shape.Count];
        using (Tensor loaded = golden.Backend.Load(tensor))
        {
            golden.Backend.Read(loaded, values);
        }

        bool isVocabulary = tensor.Name is "model.embed_tokens.weight" or "lm_head.weight";
        Shape shape = isVocabulary ? new Shape(480, tensor.Shape[1]) : tensor.Shape;
        Array.Resize(ref values, (int)shape.Count);
        return StoredTensor.FromFloats(tensor.Name, shape, values);
    }

    /// <summary>A model of a family without what GGUF cannot say.</summary>
    private static TinyModel Sayable(string family)
    {
        Action<JsonObject> change = family switch
        {
            "mistral" or "qwen2" => config => config["sliding_window"] = null,
            "qwen3" => config => config["attention_bias"] = false,
            "gemma2" or "gemma3_text" => config => config["query_pre_attn_scalar"] = 6,
            _ => Keep,
        };
        return new TinyModel(biased: false, family: family, change: change);

        static void Keep(JsonObject config)
        {
        }
    }

    /// <summary>A file without a tokenizer; one key of the architecture may have another value.</summary>
    private static void WriteGguf(TinyModel model, Decoder decoder, string path, string? key = null, object? value = null)
    {
        using var files = (HuggingFaceModelFiles)ModelFiles.Open(model.Folder);
        GgufMetadata made = GgufModelMetadata.WithoutTokenizer(files, decoder, 0, "tiny"), metadata = new();
        if (key is not null)
        {
            metadata.Add($"{made.GetString("general.architecture")}.{key}", value!);
        }

        foreach (GgufEntry entry in made)
        {
            metadata.TryAdd(entry);
        }

        GgufWriter.Write(path, metadata, GgufExport.Tensors(files, decoder, null, ElementType.F32));
    }

    private static void Export(string folder, string path, ElementType type)
    {
        using ModelFiles files = ModelFiles.Open(folder);
        using CpuBackend backend = CpuBackend.Create();
        using Decoder decoder = Decoder.Load(files, backend);
        GgufExport.Write(path, files, decoder, null, new GgufExportSettings(type));
    }

    private static int[] Ids(JsonNode list) => [.. list.AsArray().Select(id => (int)id!)];
}
