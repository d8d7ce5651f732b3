using FineTuneTool.Engine.Batches;
using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Prompts;
using FineTuneTool.Engine.Tests.Tokenizers;
using FineTuneTool.Engine.Tokenizers;
using FineTuneTool.TestKit;

namespace FineTuneTool.Engine.Tests.Batches;

/// <summary>Rows to ids and labels as TRL's trainer makes them. (Not its ShareGPT case: TRL leaves the roles human and gpt, ours become user and assistant.)</summary>
public class ExampleTokenizerGoldenTests
{
    private static readonly Tokenizer SmolLm2 = TokenizerGoldens.Tokenizer(TokenizerGoldens.Local, "smollm2");

    [Theory]
    [InlineData("text_default")]
    [InlineData("text_max16")]
    [InlineData("text_no_max")]
    [InlineData("pc_default")]
    [InlineData("pc_full_loss", true)]
    [InlineData("pc_max24")]
    [InlineData("conv_default", true)]
    [InlineData("conv_assistant_only")]
    [InlineData("conv_assistant_only_max48")]
    [InlineData("conv_no_assistant_full", true)]
    [InlineData("conv_ends_with_user", true)]
    [InlineData("pcconv_default")]
    [InlineData("pcconv_training_template")]
    [InlineData("pcconv_full_loss", true)]
    public void Rows_become_the_ids_and_labels_of_the_reference(string name, bool trainOnInputs = false) => AssertEqual(name, trainOnInputs, Local(name));

    [SharedTheory("goldens/text/templates")]
    [InlineData("conv_tools_each_alone", "qwen3_training", true)]
    [InlineData("conv_tools_each_alone_assistant_only", "qwen3_training", false)]
    [InlineData("conv_template_kwargs", "qwen3", true)]
    public void Rows_with_tools_and_variables_become_those_of_the_reference(string name, string template, bool trainOnInputs) =>
        AssertEqual(name, trainOnInputs, Path.Combine(Paths.Shared, "goldens", "text", "templates", template + ".jinja"));

    private static string Local(string name) =>
        DatasetGoldens.Case(name).Template == "smollm2" ? "chat" : Path.Combine(Paths.Goldens, "text", "templates", DatasetGoldens.Case(name).Template + ".jinja");

    private static void AssertEqual(string name, bool trainOnInputs, string template)
    {
        DatasetGoldens.GoldenCase golden = DatasetGoldens.Case(name);
        int maxLength = golden.Config.ContainsKey("max_length") ? (int?)golden.Config["max_length"] ?? int.MaxValue : 1024;
        var tokenizer = new ExampleTokenizer(SmolLm2, PromptTemplates.Find(template, "", SmolLm2), new PreprocessSettings { MaxSeqLength = maxLength, TrainOnInputs = trainOnInputs });
        List<TokenizedExample> rows = [];
        for (int i = 0; i < golden.Records.Length; i++)
        {
            var row = new RawRow(golden.Records[i], "records", i + 1);
            rows.AddRange(tokenizer.Tokenize(RowFormats.Detect(row).Read(row)).Examples);
        }

        // The reference keeps rows whose only label is that of the first token, which nothing can predict.
        var expected = golden.Rows.Where(row => row.Labels.Skip(1).Any(label => label != TokenizedExample.Ignored)).ToList();
        Assert.Equal(expected.Select(row => row.Ids), rows.Select(row => row.Ids));
        Assert.Equal(expected.Select(row => row.Labels.Skip(1)), rows.Select(row => row.Labels.Skip(1)));
    }
}
