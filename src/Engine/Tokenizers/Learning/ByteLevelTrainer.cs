using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tokenizers.PreTokenizers;

namespace FineTuneTool.Engine.Tokenizers.Learning;

/// <summary>
/// Trains a byte-level BPE vocabulary: special tokens, then the 256 bytes, then merges in the order in which they are learnt. Every text can be
/// encoded, and the same texts, in any order, give the same bytes. Words are cut as SmolLM2 cuts them, which GGUF files have a name for.
/// </summary>
public sealed class ByteLevelTrainer
{
    /// <summary>What every vocabulary has, in this order: what pads and parts documents, and what begins and ends a message.</summary>
    public static readonly IReadOnlyList<string> StandardSpecialTokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];

    /// <summary>The largest vocabulary.</summary>
    public const int MostTokens = 1 << 20;

    private const int Bytes = 256;

    /// <summary>llama.cpp's name of how <see cref="WordCounts"/> cuts words.</summary>
    private const string WordsName = "smollm";

    /// <summary>ChatML without a system prompt of its own.</summary>
    private const string ChatTemplate =
        """
        {% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}
        """;

    private readonly int _size;
    private readonly string[] _special;
    private readonly WordCounts _words;

    /// <param name="size">Tokens of the vocabulary; fewer are made where the texts do not give so many.</param>
    /// <param name="special">Special tokens beside <see cref="StandardSpecialTokens"/>.</param>
    /// <exception cref="FineTuneException">FT0001: the size has no room for bytes and special tokens or is too large, or a special token could be mistaken for text.</exception>
    public ByteLevelTrainer(int size, IReadOnlyList<string> special)
    {
        _special = [.. StandardSpecialTokens, .. special.Except(StandardSpecialTokens)];
        if (_special.FirstOrDefault(token => !IsSpecial(token)) is { } wrong)
        {
            throw new FineTuneException(Codes.BadSetting, $"\"{wrong}\" cannot be a special token", "but must be a word in <…> or […], without spaces, such as <|tool|>.");
        }

        int least = _special.Length + Bytes;
        if (size < least || size > MostTokens)
        {
            throw new FineTuneException(
                Codes.BadSetting, $"A vocabulary of {size} tokens was asked for", $"but {least} to {MostTokens} are possible: {_special.Length} special tokens and {Bytes} bytes are always there.");
        }

        _size = size;
        _words = new WordCounts(_special);
    }

    /// <summary>Adds a text to learn from.</summary>
    public void Add(string text) => _words.Add(text);

    /// <summary>Learns the merges of the texts so far.</summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public Tokenizer Train(CancellationToken cancellation = default)
    {
        var tokens = new List<string>(_special);
        tokens.AddRange(Enumerable.Range(0, Bytes).Select(value => ((char)ByteLetters.Letter((byte)value)).ToString()));
        var merges = new List<string>();
        foreach ((int left, int right) in new MergeLearner(_words.All()).Learn(_size - tokens.Count, cancellation))
        {
            string first = tokens[_special.Length + left], second = tokens[_special.Length + right];
            merges.Add($"{first} {second}");
            tokens.Add(first + second);
        }

        byte[] definition = TokenizerDefinition.Write(writer =>
        {
            TokenizerDefinition.WriteAddedTokens(writer, _special.Select((token, id) => new AddedToken(id, token, Special: true)));
            GgufWords.All.First(words => words.Names.Contains(WordsName)).Write(writer);
            writer.WriteNull("post_processor");
            writer.WritePropertyName("decoder");
            GgufWords.WriteByteLevel(writer, useRegex: true);
            writer.WriteStartObject("model");
            TokenizerDefinition.WriteBpeSettings(writer, null, byteFallback: false, ignoreMerges: false);
            TokenizerDefinition.WriteVocabulary(writer, tokens, _ => true);
            writer.WriteStartArray("merges");
            merges.ForEach(writer.WriteStringValue);
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
        string endOfText = StandardSpecialTokens[0], endOfMessage = StandardSpecialTokens[2];
        return TokenizerJson.Read(definition, "tokenizer.json", new TokenizerDeclarations(endOfText, endOfMessage, PadToken: endOfText, ChatTemplate: ChatTemplate));
    }

    /// <summary>
    /// A special token has letters between signs, which no word has: so it can never be a token that the merges make.
    /// </summary>
    private static bool IsSpecial(string token) =>
        token.Length is > 2 and <= 128 && (token[0], token[^1]) is ('<', '>') or ('[', ']')
        && token.Any(char.IsAsciiLetter) && !token.Any(letter => char.IsWhiteSpace(letter) || char.IsControl(letter) || char.IsSurrogate(letter));
}
