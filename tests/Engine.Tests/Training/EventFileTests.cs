using System.Buffers.Binary;
using System.Text;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Training;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Training;

public class EventFileTests
{
    private static readonly TrainingSettings Settings = new() { MaxSteps = 4, GradientAccumulationSteps = 1, LoggingSteps = 1, SaveSteps = 2, LoadBestModelAtEnd = false };

    [Fact]
    public void A_run_writes_one_TensorBoard_file_with_the_tags_of_transformers()
    {
        using var folder = new TemporaryFolder();
        Run(folder);
        List<string> tags = Tags(folder);
        Assert.Equal(4, tags.Count(tag => tag == "train/loss"));
        Assert.Equal(4, tags.Count(tag => tag == "train/grad_norm"));
        Assert.Equal(4, tags.Count(tag => tag == "train/learning_rate"));
        Assert.Equal(1, tags.Count(tag => tag == "eval/loss"));
    }

    [Fact]
    public void A_resumed_run_goes_on_in_the_same_file_and_repeats_no_step()
    {
        using var folder = new TemporaryFolder();
        // Killed at step 4, when the events of step 3 are written but only step 2 is saved.
        Assert.Throws<InvalidOperationException>(() => Run(folder, new EventLog(engineEvent =>
        {
            if (engineEvent is ProgressEvent { Done: 4 })
            {
                throw new InvalidOperationException();
            }
        })));
        Assert.Equal(3, Tags(folder).Count(tag => tag == "train/loss"));
        Run(folder);
        Assert.Equal(4, Tags(folder).Count(tag => tag == "train/loss"));
    }

    private static void Run(TemporaryFolder folder, IEventSink? events = null)
    {
        using var model = new TinyModel();
        new Trainer(
            model.Decoder, model.Output, Settings, CurveGolden.InOrder(RunData.Rows(8), 2), CurveGolden.InOrder(RunData.Rows(2), 2), folder.Path, events).Run();
    }

    /// <summary>The tags of all records of the only event file: u64 length, u32, payload, u32; the tag follows the bytes 0A and its length.</summary>
    private static List<string> Tags(TemporaryFolder folder)
    {
        byte[] file = File.ReadAllBytes(Assert.Single(Directory.GetFiles(folder.Path, "events.out.tfevents.*")));
        List<string> tags = [];
        for (int offset = 0; offset < file.Length;)
        {
            int length = (int)BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(offset));
            string payload = Encoding.Latin1.GetString(file, offset + 12, length);
            int tag = Math.Max(payload.IndexOf("train/", StringComparison.Ordinal), payload.IndexOf("eval/", StringComparison.Ordinal));
            if (tag > 0)
            {
                tags.Add(payload.Substring(tag, payload[tag - 1]));
            }

            offset += length + 16;
        }

        return tags;
    }
}
