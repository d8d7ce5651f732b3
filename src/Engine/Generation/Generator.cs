using System.Runtime.InteropServices;
using System.Text;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Generation;

/// <summary>Continues a prompt token by token and gives out the text as it becomes readable.</summary>
public sealed class Generator(ILogitsSource source, Tokenizer tokenizer)
{
    private readonly float[] _logits = new float[source.VocabSize];

    public Tokenizer Tokenizer => tokenizer;

    /// <summary>Most tokens of prompt and answer together.</summary>
    public int MaxLength => source.MaxLength;

    /// <summary>Answers a prompt of token ids.</summary>
    /// <param name="onText">Receives each piece of the text; together they are the result's text.</param>
    /// <exception cref="FineTuneException">FT1006: the prompt leaves no room. FT0001: it is empty or holds an id that the model does not have. FT1005.</exception>
    /// <exception cref="OperationCanceledException">The user stopped the answer.</exception>
    public GenerationResult Generate(
        IReadOnlyList<int> prompt, GenerationOptions options, Action<string>? onText = null, CancellationToken cancellation = default)
    {
        // One place stays free for the answer.
        TokenIds.Check(prompt, source.VocabSize, source.MaxLength - 1);
        var sampler = new Sampler(options.Sampling, options.Stream);
        var text = new TextStream(tokenizer.CreateStream(options.SkipSpecialTokens), new StopStringFilter(options.StopStrings), onText);
        List<int> sequence = [.. prompt];
        string reason = StopReasons.Length;
        int most = (int)Math.Min((long)prompt.Count + options.Sampling.MaxNewTokens, source.MaxLength);
        while (sequence.Count < most)
        {
            cancellation.ThrowIfCancellationRequested();
            source.Next(CollectionsMarshal.AsSpan(sequence), _logits, cancellation);
            int id = sampler.Next(_logits, CollectionsMarshal.AsSpan(sequence), sequence.Count - prompt.Count);
            sequence.Add(id);
            if (options.StopIds.Contains(id))
            {
                reason = StopReasons.EndOfSequence;
                break;
            }

            if (text.Append(id))
            {
                reason = StopReasons.StopString;
                break;
            }
        }

        if (text.Flush())
        {
            reason = StopReasons.StopString;
        }

        return new GenerationResult([.. sequence.Skip(prompt.Count)], text.ToString(), reason, prompt.Count);
    }

    /// <summary>Forgets what is cached of earlier prompts: the adapter was switched.</summary>
    public void Forget() => source.Forget();

    /// <summary>Ids to text, past the stop strings, to the listener.</summary>
    private sealed class TextStream(StreamingDecoder decoder, StopStringFilter filter, Action<string>? onText)
    {
        private readonly StringBuilder _text = new();

        /// <summary>True when a stop string is complete.</summary>
        public bool Append(int id)
        {
            Show(filter.Push(decoder.Append(id)));
            return filter.Stopped;
        }

        /// <summary>Gives out what was held back; true when that completed a stop string.</summary>
        public bool Flush()
        {
            bool stopped = filter.Stopped;
            if (!stopped)
            {
                Show(filter.Push(decoder.Flush()));
                Show(filter.Flush());
            }

            return filter.Stopped && !stopped;
        }

        public override string ToString() => _text.ToString();

        private void Show(string piece)
        {
            if (piece.Length > 0)
            {
                _text.Append(piece);
                onText?.Invoke(piece);
            }
        }
    }
}
