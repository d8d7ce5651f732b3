using System.Text.Json;
using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Models;

/// <summary>SmolLM2-135M-Instruct in Q4_1, straight from the GGUF file, against the reference on the same numbers dequantised.</summary>
public class SmolLm2Tests
{
    /// <summary>The reference's own two attention kernels differ by 5.7e-5 in logits.</summary>
    private const float LogitTolerance = 1e-3f;

    [SharedFact("goldens/models/smollm2")]
    public void Losses_and_logits_of_six_prompts_equal_the_reference()
    {
        using var files = ModelFiles.Open(Paths.SmolLm2);
        using var golden = new SmolLm2Golden("inference");
        using Decoder decoder = Decoder.Load(files, golden.Backend);
        foreach (JsonProperty prompt in golden.Json.GetProperty("prompts").EnumerateObject())
        {
            int[] ids = SmolLm2Golden.Ints(prompt.Value.GetProperty("ids"));
            PackedBatch batch = ModelGolden.Whole(ids);
            double nll = prompt.Value.GetProperty("nll").EnumerateArray().Sum(value => value.GetDouble());
            BatchLoss loss = decoder.Evaluate(batch);
            Assert.Equal(nll / loss.SupervisedTokens, loss.LossSum / loss.SupervisedTokens, 1e-4);
            int[] argmax = SmolLm2Golden.Ints(prompt.Value.GetProperty("argmax"));
            Assert.Equal(argmax.SkipLast(1).Zip(ids.Skip(1)).Count(pair => pair.First == pair.Second), loss.Correct);

            float[] last = new float[decoder.Spec.VocabSize];
            decoder.Logits(batch, [ids.Length - 1], last);
            ModelGolden.Near(golden.Tensor($"last_logits.{prompt.Name}"), last, LogitTolerance, prompt.Name);
        }
    }

    [SharedFact("goldens/models/smollm2")]
    public void Greedy_tokens_equal_the_reference_up_to_the_first_close_call()
    {
        using var files = ModelFiles.Open(Paths.SmolLm2);
        using var golden = new SmolLm2Golden("inference");
        using Decoder decoder = Decoder.Load(files, golden.Backend);
        float[] logits = new float[decoder.Spec.VocabSize];
        foreach (string name in new[] { "chat_en", "raw_ko" })
        {
            JsonElement prompt = golden.Json.GetProperty("prompts").GetProperty(name);
            int[] expected = SmolLm2Golden.Ints(prompt.GetProperty("greedy"));
            double[] margins = [.. prompt.GetProperty("greedy_margins").EnumerateArray().Select(value => value.GetDouble())];
            int certain = margins.TakeWhile(margin => margin >= LogitTolerance).Take(16).Count();
            using KvCache cache = decoder.CreateCache(1024);
            decoder.Append(cache, SmolLm2Golden.Ints(prompt.GetProperty("ids")), logits);
            var tokens = new List<int>();
            while (tokens.Count < certain)
            {
                tokens.Add(logits.AsSpan().IndexOf(logits.Max()));
                decoder.Append(cache, [tokens[^1]], logits);
            }

            Assert.True(certain > 4);
            Assert.Equal(expected.Take(certain), tokens);
        }
    }

    [SharedFact("goldens/models/smollm2")]
    public void Adapter_gradients_equal_the_reference()
    {
        using var files = ModelFiles.Open(Paths.SmolLm2);
        using var golden = new SmolLm2Golden("gradcheck");
        using Decoder decoder = Decoder.Load(files, golden.Backend);
        using PeftAdapter peft = PeftAdapter.Read(Path.Combine(SmolLm2Golden.Folder, "final"));
        using LoraAdapter adapter = LoraAdapter.Load(decoder, peft, trainable: true);
        decoder.ActiveAdapter = adapter;
        using JsonDocument data = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(SmolLm2Golden.Folder, "data.json")));
        IEnumerable<JsonElement> rows = data.RootElement.GetProperty("eval").EnumerateArray().Take(4);
        PackedBatch batch = PackedBatch.FromExamples([.. rows.Select(row =>
            new TokenizedExample(SmolLm2Golden.Ints(row.GetProperty("ids")), SmolLm2Golden.Ints(row.GetProperty("labels"))))]);

        BatchLoss loss = decoder.ForwardBackward(batch, 0, 0);

        Assert.Equal(golden.Json.GetProperty("loss").GetDouble(), loss.LossSum / loss.SupervisedTokens, 1e-5);
        foreach (Parameter parameter in decoder.Trainable.Parameters)
        {
            double norm = Math.Sqrt(golden.Backend.SumOfSquares(decoder.Trainable.GradientOf(parameter))) / loss.SupervisedTokens;
            double expected = golden.Json.GetProperty("grad_norms").GetProperty(parameter.Name).GetDouble();
            Assert.True(Math.Abs(norm / expected - 1) < 1e-3, $"{parameter.Name}: {norm} for {expected}");
            if (golden.Has(parameter.Name))
            {
                float[] gradient = new float[parameter.Shape.Count], reference = golden.Tensor(parameter.Name);
                decoder.Trainable.ReadGradients(gradient, parameter.Offset);
                for (int i = 0; i < gradient.Length; i++)
                {
                    gradient[i] /= loss.SupervisedTokens;
                }

                ModelGolden.Near(reference, gradient, 1e-3f * reference.Max(Math.Abs), parameter.Name);
            }
        }
    }
}
