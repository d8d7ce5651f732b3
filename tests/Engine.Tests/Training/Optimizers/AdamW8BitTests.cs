using System.Runtime.InteropServices;
using System.Text.Json;
using FineTuneTool.Engine.Backends;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;
using FineTuneTool.Engine.Tests.Quantization;
using FineTuneTool.Engine.Training;
using FineTuneTool.Engine.Training.Optimizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Training.Optimizers;

/// <summary>Recorded runs in which a second moment that is not zero never gets the code of zero (<c>vfloor</c>).</summary>
public class AdamW8BitTests
{
    private const string Folder = "goldens/formats/optim";

    private const int CodesThatMayDiffer = 3, ValuesThatMayDiffer = 5;

    public static TheoryData<string> Cases => ["wd0.01.n4096", "wd0.01.n6000", "nowd.n4097", "hazard.n4096"];

    private static FourBitGoldens Golden => new("adamw8bit", folder: Path.Combine(Paths.Shared, Folder));

    [SharedTheory(Folder)]
    [MemberData(nameof(Cases))]
    public void Runs_are_those_of_the_reference(string key)
    {
        FourBitGoldens golden = Golden;
        using var run = new Run(golden, key);
        for (int step = 1; step <= 20; step++)
        {
            run.Update(step);
            if (step is 1 or 2 or 19 or 20)
            {
                run.Equals(step);
            }
        }
    }

    [SharedTheory(Folder)]
    [MemberData(nameof(Cases))]
    public void A_step_from_a_recorded_state_ends_in_the_next(string key)
    {
        FourBitGoldens golden = Golden;
        using var run = new Run(golden, key);
        run.Restore(19);
        run.Update(20);
        run.Equals(20);
    }

    [SharedFact(Folder)]
    public void Small_parameters_keep_their_moments_in_full()
    {
        FourBitGoldens golden = Golden;
        const string Key = "wd0.01.n4095";
        using var run = new Run(golden, Key);
        for (int step = 1; step <= 20; step++)
        {
            run.Update(step);
        }

        float[] expected = golden.Floats($"{Key}.step20.p");
        Assert.All(expected.Zip(run.Values), pair => Assert.InRange(pair.Second - pair.First, -1e-6, 1e-6));
        Assert.Equal(2 * 4 * 4095, AdamW8Bit.StateBytes(run.Parameters));
    }

    [Fact]
    public void Embeddings_keep_their_moments_in_full()
    {
        using CpuBackend backend = CpuBackend.Create(1);
        using var parameters = new ParameterSet(backend, [("model.embed_tokens.weight", new Shape(64, 64), true), ("lm_head.weight", new Shape(64, 64), true)]);
        Assert.Equal(8 * 4096 + 2 * (4096 + 16 * 4), AdamW8Bit.StateBytes(parameters));
        using var optimizer = new AdamW8Bit(backend, parameters, new TrainingSettings(), new OptimizerMemory(backend));
        Assert.Equal(AdamW8Bit.StateBytes(parameters), optimizer.State.Sum(state => state.Tensor.Type.Bytes(state.Tensor.Shape)));
    }

    [Fact]
    public void Numbers_do_not_depend_on_the_threads_or_on_where_the_state_lies()
    {
        float[][] results = [.. new[] { (1, false), (3, false), (2, true) }.Select(way => Trained(way.Item1, way.Item2))];
        Assert.Equal(results[0], results[1]);
        Assert.Equal(results[0], results[2]);
    }

    private static float[] Trained(int threads, bool paged)
    {
        using var folder = new TemporaryFolder();
        using CpuBackend backend = CpuBackend.Create(threads);
        using var parameters = new ParameterSet(backend, [("a", new Shape(300, 171), true), ("b", new Shape(999), false), ("c", new Shape(70, 70), true)]);
        using Optimizer optimizer = OptimizerKinds.Find("paged-adamw-8bit").Create(
            backend, parameters, new TrainingSettings(), new OptimizerMemory(backend, paged ? folder.Path : null));
        Assert.Equal(paged && OperatingSystem.IsWindows(), Directory.EnumerateFiles(folder.Path).Any());
        var random = new CounterRandom(5, RandomPurpose.Sampling);
        float[] numbers = new float[parameters.Count];
        for (int step = 1; step <= 4; step++)
        {
            for (int i = 0; i < numbers.Length; i++)
            {
                numbers[i] = random.Normal((ulong)(step * numbers.Length + i));
            }

            backend.Write(parameters.Gradients, numbers);
            optimizer.Update(1e-2, step);
        }

        parameters.ReadValues(numbers);
        return numbers;
    }

    private sealed class Run : IDisposable
    {
        private readonly FourBitGoldens _golden;
        private readonly string _key;
        private readonly double _rate;
        private readonly CpuBackend _backend = CpuBackend.Create(2);
        private readonly Optimizer _optimizer;

        public Run(FourBitGoldens golden, string key)
        {
            (_golden, _key) = (golden, key);
            JsonElement settings = golden.Json.GetProperty("cases").EnumerateArray().Single(item => item.GetProperty("key").GetString() == key);
            _rate = settings.GetProperty("lr").GetDouble();
            Parameters = new ParameterSet(_backend, [("p", new Shape(settings.GetProperty("n").GetInt64()), true)]);
            Parameters.WriteValues(golden.Floats($"{key}.p0"));
            _optimizer = OptimizerKinds.Find("adamw-8bit").Create(_backend, Parameters, new TrainingSettings
            {
                AdamBeta1 = settings.GetProperty("b1").GetDouble(),
                AdamBeta2 = settings.GetProperty("b2").GetDouble(),
                AdamEpsilon = settings.GetProperty("eps").GetDouble(),
                WeightDecay = settings.GetProperty("wd").GetDouble(),
            }, new OptimizerMemory(_backend));
        }

        public ParameterSet Parameters { get; }

        public float[] Values
        {
            get
            {
                float[] values = new float[Parameters.Count];
                Parameters.ReadValues(values);
                return values;
            }
        }

        public void Update(int step)
        {
            int count = (int)Parameters.Count;
            _backend.Write(Parameters.Gradients, _golden.Floats($"{_key}.grads").AsSpan((step - 1) * count, count));
            _optimizer.Update(_rate, step);
        }

        public void Restore(int step)
        {
            string at = $"{_key}.vfloor.step{step}";
            Parameters.WriteValues(_golden.Floats($"{at}.p"));
            _backend.WriteBytes(State("first_codes"), _golden.Bytes($"{at}.state1"));
            _backend.WriteBytes(State("second_codes"), _golden.Bytes($"{at}.state2"));
            _backend.Write(State("first_scales"), _golden.Floats($"{at}.absmax1"));
            _backend.Write(State("second_scales"), _golden.Floats($"{at}.absmax2"));
        }

        public void Equals(int step)
        {
            string at = $"{_key}.vfloor.step{step}";
            SameCodes(_golden.Bytes($"{at}.state1"), State("first_codes"));
            SameCodes(_golden.Bytes($"{at}.state2"), State("second_codes"));
            SameScales(_golden.Floats($"{at}.absmax1"), State("first_scales"));
            SameScales(_golden.Floats($"{at}.absmax2"), State("second_scales"));
            double[] moved = [.. _golden.Floats($"{at}.p").Zip(Values, (expected, actual) => (double)Math.Abs(expected - actual) / _rate)];
            Assert.InRange(moved.Count(difference => difference > 1e-3), 0, ValuesThatMayDiffer);
            Assert.InRange(moved.Max(), 0, 0.5);
        }

        public void Dispose()
        {
            _optimizer.Dispose();
            Parameters.Dispose();
            _backend.Dispose();
        }

        private Tensor State(string name) => _optimizer.State.Single(state => state.Name == name).Tensor;

        private void SameCodes(byte[] expected, Tensor codes)
        {
            byte[] actual = new byte[expected.Length];
            _backend.ReadBytes(codes, actual);
            int[] differences = [.. expected.Zip(actual, (first, second) => Math.Abs(first - second))];
            Assert.InRange(differences.Count(difference => difference > 0), 0, CodesThatMayDiffer);
            Assert.InRange(differences.Max(), 0, 1);
        }

        private void SameScales(float[] expected, Tensor scales)
        {
            byte[] bytes = new byte[4 * expected.Length];
            _backend.ReadBytes(scales, bytes);
            float[] actual = MemoryMarshal.Cast<byte, float>(bytes).ToArray();
            Assert.All(expected.Zip(actual), pair => Assert.InRange(pair.Second, pair.First * (1 - 1e-6f), pair.First * (1 + 1e-6f)));
        }
    }
}
