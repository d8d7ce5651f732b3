using FineTuneTool.Engine.Protocol;

namespace FineTuneTool.Engine.Tests.Stages;

/// <summary>Each setting of training changes what is trained.</summary>
public sealed class SettingEffectTests(SettingEffectTests.Project project) : IClassFixture<SettingEffectTests.Project>
{
    [Theory]
    [InlineData("LoraRank=4", "LoraRank=5")]
    [InlineData("LoraAlpha=32", "LoraAlpha=8")]
    [InlineData("LoraDropout=0.05", "LoraDropout=0")]
    [InlineData("LoraTargetModules=all-linear", "LoraTargetModules=q_proj;v_proj")]
    [InlineData("LoraExcludeModules=", "LoraExcludeModules=down_proj")]
    [InlineData("LoraLayers=", "LoraLayers=1")]
    [InlineData("LoraRankPattern=", "LoraRankPattern=q_proj=2")]
    [InlineData("LoraAlphaPattern=", "LoraAlphaPattern=q_proj=2")]
    [InlineData("UseRsLora=false", "UseRsLora=true")]
    [InlineData("UseDora=false", "UseDora=true")]
    [InlineData("LoraInit=default", "LoraInit=gaussian")]
    [InlineData("LoraInit=default", "LoraInit=pissa")]
    [InlineData("LoraInit=pissa", "LoraInit=olora")]
    [InlineData("ModulesToSave=", "ModulesToSave=norm")]
    [InlineData("LoraPlusLrRatio=1", "LoraPlusLrRatio=16")]
    [InlineData("NeftuneNoiseAlpha=0", "NeftuneNoiseAlpha=5")]
    [InlineData("Quantization=none", "Quantization=nf4")]
    [InlineData("Quantization=nf4", "Quantization=fp4")]
    [InlineData("Quantization=nf4", "Quantization=nf4 DoubleQuantization=true")]
    [InlineData("ComputeType=fp32", "ComputeType=bf16")]
    [InlineData("MaxSeqLength=64", "MaxSeqLength=24")]
    [InlineData("SamplePacking=true MicroBatchSize=2", "SamplePacking=false MicroBatchSize=2")]
    [InlineData("MaxSteps=0 NumEpochs=1", "MaxSteps=0 NumEpochs=2")]
    [InlineData("MaxSteps=3", "MaxSteps=2")]
    [InlineData("MicroBatchSize=1", "MicroBatchSize=2")]
    [InlineData("GradientAccumulationSteps=1", "GradientAccumulationSteps=2")]
    [InlineData("LearningRate=1e-2", "LearningRate=2e-2")]
    [InlineData("LrScheduler=cosine", "LrScheduler=linear")]
    [InlineData("LrScheduler=linear", "LrScheduler=cosine-with-restarts")]
    [InlineData("LrScheduler=cosine", "LrScheduler=polynomial")]
    [InlineData("LrScheduler=cosine", "LrScheduler=constant")]
    [InlineData("LrScheduler=cosine WarmupSteps=1", "LrScheduler=constant-with-warmup WarmupSteps=1")]
    [InlineData("LrScheduler=cosine WarmupSteps=1", "LrScheduler=inverse-sqrt WarmupSteps=1")]
    [InlineData("LrScheduler=cosine-with-min-lr MinLrRatio=0", "LrScheduler=cosine-with-min-lr MinLrRatio=0.5")]
    [InlineData("LrScheduler=cosine", "LrScheduler=warmup-stable-decay")]
    [InlineData("WarmupRatio=0", "WarmupRatio=0.5")]
    [InlineData("WarmupSteps=0", "WarmupSteps=2")]
    [InlineData("Optimizer=adamw", "Optimizer=sgd")]
    [InlineData("Optimizer=adamw", "Optimizer=adafactor")]
    [InlineData("Optimizer=adamw", "Optimizer=lion")]
    [InlineData("Optimizer=adamw LoraRank=128", "Optimizer=adamw-8bit LoraRank=128")]
    [InlineData("WeightDecay=0.01", "WeightDecay=1")]
    [InlineData("AdamBeta1=0.9", "AdamBeta1=0.5")]
    [InlineData("AdamBeta2=0.999", "AdamBeta2=0.5")]
    [InlineData("AdamEpsilon=1e-8", "AdamEpsilon=1e-2")]
    [InlineData("MaxGradNorm=0 Optimizer=sgd", "MaxGradNorm=0.01 Optimizer=sgd")]
    [InlineData("Seed=42", "Seed=43")]
    [InlineData("ShuffleData=true MaxSeqLength=24", "ShuffleData=false MaxSeqLength=24")]
    public void Another_value_trains_another_adapter(string one, string other) => Assert.NotEqual(Trained(one), Trained(other));

    [Theory]
    [InlineData("Optimizer=adamw LoraRank=128", "Optimizer=paged-adamw LoraRank=128 MaxMemory=64KiB")]
    [InlineData("Optimizer=adamw-8bit LoraRank=128", "Optimizer=paged-adamw-8bit LoraRank=128 MaxMemory=64KiB")]
    public void What_saves_memory_trains_the_same_adapter(string one, string other) => Assert.Equal(Trained(one), Trained(other));

    [Fact]
    public void A_stated_budget_quantises_the_base_of_an_adapter_where_the_project_leaves_that_open()
    {
        (string small, IReadOnlyList<string> said) = project.Trained("Quantization=auto MaxMemory=64KiB");
        Assert.Contains("the weights of the layers are held as NF4", said);
        Assert.Equal(Trained("Quantization=nf4"), small);
        Assert.Equal(Trained("Quantization=none"), Trained("Quantization=auto"));
        Assert.Equal(Trained("Quantization=none"), Trained("Quantization=auto MaxMemory=8GiB"));
    }

    [Fact]
    public void A_stated_budget_cuts_micro_batches_and_says_so()
    {
        (string cut, IReadOnlyList<string> said) = project.Trained("MicroBatchSize=4 SamplePacking=false LoraDropout=0 MaxMemory=64KiB");
        Assert.Contains(said, text => text.StartsWith("micro-batches of 1 instead of 4 rows, 4 times as many for each step: 0 MiB are allowed"));
        Assert.Equal(Trained("MicroBatchSize=1 GradientAccumulationSteps=4 SamplePacking=false LoraDropout=0"), cut);
    }

    private string Trained(string settings) => project.Trained(settings).Hash;

    /// <summary>What was trained for one test need not be for another.</summary>
    public sealed class Project : IDisposable
    {
        private readonly TinyProject _project = new();

        public void Dispose() => _project.Dispose();

        /// <summary>Hash of the adapter of a short run with some settings, such as <c>LoraRank=4 Seed=1</c>, and what it said.</summary>
        internal (string Hash, IReadOnlyList<string> Milestones) Trained(string settings)
        {
            Dictionary<string, SettingText> before = new(_project.Settings);
            int said = _project.Events.Milestones.Count();
            _project.Settings["LoraRank"] = new("4");
            _project.Settings["MaxSteps"] = new("3");
            _project.Settings["ValidationSplitRatio"] = new("0");
            foreach (string setting in settings.Split(' '))
            {
                string[] parts = setting.Split('=', 2);
                _project.Settings[parts[0]] = new(parts[1]);
            }

            _project.Run("preprocess");
            string hash = TinyProject.HashOf(_project.Run("train"));
            _project.Settings.Clear();
            foreach ((string name, SettingText text) in before)
            {
                _project.Settings[name] = text;
            }

            return (hash, [.. _project.Events.Milestones.Skip(said)]);
        }
    }
}
