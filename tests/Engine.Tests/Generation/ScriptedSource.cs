using FineTuneTool.Engine.Generation;
using FineTuneTool.Engine.Tests.Tokenizers;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Tests.Generation;

/// <summary>A model that says given texts one after the other, whatever it is asked, and remembers what it saw.</summary>
internal sealed class ScriptedSource(int maxLength, params string[] answers) : ILogitsSource
{
    private readonly Queue<int> _ids = new(answers.SelectMany(answer => Tokenizer.EncodeIds(answer, addSpecialTokens: false)));

    public static Tokenizer Tokenizer { get; } = TokenizerGoldens.Tokenizer(TokenizerGoldens.Local, "smollm2");

    public int VocabSize => Tokenizer.VocabularySize;

    public int MaxLength => maxLength;

    public List<int[]> Seen { get; } = [];

    public int Forgotten { get; private set; }

    public void Next(ReadOnlySpan<int> sequence, Span<float> logits, CancellationToken cancellation)
    {
        Seen.Add(sequence.ToArray());
        logits.Clear();
        logits[_ids.Dequeue()] = 1;
    }

    public void Forget() => Forgotten++;
}
