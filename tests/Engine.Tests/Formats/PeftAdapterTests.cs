using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Formats;

public class PeftAdapterTests
{
    /// <summary>PEFT takes NaN as a number; JSON does not. The model, not the file, decides whether a target exists.</summary>
    private static readonly Dictionary<string, bool> Ours = new() { ["nan_alpha"] = false, ["target_not_present"] = true };

    public static TheoryData<string, bool> Cases()
    {
        var data = new TheoryData<string, bool>();
        foreach (JsonElement entry in GoldenFiles.Json("adapter_config", "verdicts.json").GetProperty("cases").EnumerateArray())
        {
            string name = entry.GetProperty("case").GetString()!;
            bool ok = IsOk(entry, "load") && IsOk(entry, "apply");
            data.Add(name, Ours.GetValueOrDefault(name, ok));
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_configuration_is_read_exactly_where_PEFT_uses_it(string name, bool accepted)
    {
        string path = GoldenFiles.PathOf("adapter_config", name, "adapter_config.json");
        if (accepted)
        {
            PeftConfig config = PeftConfig.Read(path);
            JsonElement expected = GoldenFiles.Json("adapter_config", "verdicts.json").GetProperty("cases").EnumerateArray()
                .Single(entry => entry.GetProperty("case").GetString() == name);
            Assert.Equal(expected.GetProperty("base_model_name_or_path").GetString(), config.BaseModelNameOrPath);
            if (config.PeftType == "LORA")
            {
                Assert.Equal(expected.GetProperty("r").GetInt32(), config.R);
                Assert.Equal(expected.GetProperty("lora_alpha").GetDouble(), config.LoraAlpha);
            }
        }
        else
        {
            var failure = Assert.Throws<FineTuneException>(() => PeftConfig.Read(path));
            Assert.Equal(Codes.BadAdapter, failure.Diagnostic.Code);
            Assert.Equal(path, failure.Diagnostic.Position.File);
        }
    }

    [Fact]
    public void A_written_adapter_reads_back_equal()
    {
        using var folder = new TemporaryFolder();
        var config = new PeftConfig
        {
            BaseModelNameOrPath = "기본 \"model\"",
            R = 4,
            LoraAlpha = 12.5,
            LoraDropout = 0.05,
            TargetModules = ModuleSelection.Of("q_proj", "v_proj"),
            ExcludeModules = ModuleSelection.Matching(@".*\.0\..*"),
            RankPattern = new Dictionary<string, int> { ["layers.0.mlp.down_proj"] = 2 },
            AlphaPattern = new Dictionary<string, double> { ["q_proj"] = 24 },
            UseRslora = true,
            UseDora = true,
            ModulesToSave = ["lm_head"],
            LayersToTransform = [0, 3],
            LayersPattern = ["layers"],
            InitLoraWeights = "gaussian",
            LoraBias = true,
            Revision = "main",
        };
        StoredTensor[] tensors =
        [
            StoredTensor.FromFloats("base_model.model.b.lora_B.weight", new Shape(3, 1), [1, 2, 3]),
            StoredTensor.FromFloats("base_model.model.a.lora_A.weight", new Shape(1, 2), [-0f, float.Epsilon]),
        ];
        PeftAdapter.Write(folder["adapter"], config, tensors);
        using PeftAdapter read = PeftAdapter.Read(folder["adapter"]);
        Assert.Equal(config.ToJson(), read.Config.ToJson());
        Assert.Equal(config.TargetModules, read.Config.TargetModules);
        Assert.Equal(config.ExcludeModules, read.Config.ExcludeModules);
        Assert.Equal(["base_model.model.a.lora_A.weight", "base_model.model.b.lora_B.weight"], read.Tensors.Select(tensor => tensor.Name));
        Assert.Equal(tensors[1].Span.ToArray(), read.Tensors[0].Span.ToArray());
        Assert.Equal([.. read.ContentFiles.Order()], Directory.GetFiles(folder["adapter"]).Order());
    }

    [Fact]
    public void A_folder_that_is_not_there_is_named() =>
        Assert.Equal(Codes.FileUnreadable, Assert.Throws<FineTuneException>(() => PeftAdapter.Read("/nowhere")).Diagnostic.Code);

    [SharedFact("goldens/models/peft")]
    public void Adapters_written_by_PEFT_are_written_again_byte_for_byte()
    {
        string[] folders = Directory.GetDirectories(Path.Combine(Paths.Shared, "goldens", "models", "peft"));
        Assert.NotEmpty(folders);
        using var written = new TemporaryFolder();
        foreach (string adapter in folders.Select(folder => Path.Combine(folder, "adapter")))
        {
            using PeftAdapter read = PeftAdapter.Read(adapter);
            string text = File.ReadAllText(Path.Combine(adapter, "adapter_config.json"));
            Assert.Equal(text, PythonJson.Write(read.Config.Raw, sortKeys: true));
            if (read.Config.PeftType == "LORA")
            {
                var expected = new JsonObject();
                JsonObject ours = JsonNode.Parse(read.Config.ToJson())!.AsObject();
                foreach ((string key, JsonNode? value) in read.Config.Raw.Where(pair => ours.ContainsKey(pair.Key)))
                {
                    expected[key] = value?.DeepClone();
                }

                Assert.Equal(PythonJson.Write(expected, sortKeys: true), read.Config.ToJson());
            }

            PeftAdapter.Write(written["adapter"], read.Config, read.Tensors);
            Assert.Equal(File.ReadAllBytes(Path.Combine(adapter, "adapter_model.safetensors")), File.ReadAllBytes(written["adapter/adapter_model.safetensors"]));
        }
    }

    [Fact]
    public void Mutated_configurations_are_read_or_refused_but_never_crash()
    {
        byte[][] seeds =
        [
            .. new[] { "valid", "rank_pattern", "exclude_modules", "target_modules_regex", "unknown_keys" }
                .Select(name => File.ReadAllBytes(GoldenFiles.PathOf("adapter_config", name, "adapter_config.json"))),
        ];
        Mutations.Run(seeds, 2000, path => PeftConfig.Read(path));
    }

    private static bool IsOk(JsonElement entry, string key) =>
        entry.TryGetProperty(key, out JsonElement verdict) && verdict.GetString()!.StartsWith("ok", StringComparison.Ordinal);
}
