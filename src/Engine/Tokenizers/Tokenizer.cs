using System.Security.Cryptography;
using System.Text;
using FineTuneTool.Engine.Tokenizers.Models;
using FineTuneTool.Engine.Tokenizers.PreTokenizers;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>
/// Text to token ids and back, as the model's own tokenizer does it. Immutable; all members may be called from several threads.
/// Made by <see cref="TokenizerFiles"/>.
/// </summary>
public sealed class Tokenizer
{
    private readonly TokenizerPipeline _pipeline;
    private readonly string?[] _tokens;
    private readonly string?[] _decoded;
    private readonly Lazy<byte[][]> _bytes;
    private readonly Lazy<string> _fingerprint;

    internal Tokenizer(TokenizerPipeline pipeline, TokenizerDeclarations declarations, ReadOnlyMemory<byte> definition)
    {
        _pipeline = pipeline;
        ChatTemplate = declarations.ChatTemplate;
        Definition = definition;
        _tokens = [.. pipeline.Model.Tokens];
        foreach (AddedToken token in pipeline.Added.All)
        {
            if (token.Id >= _tokens.Length)
            {
                Array.Resize(ref _tokens, token.Id + 1);
            }

            _tokens[token.Id] = token.Content;
        }

        _decoded = [.. _tokens.Select((token, id) => pipeline.Added.Decoded(id) ?? token)];
        int[] frame = EncodeIds("");
        SpecialToken? bos = Find(declarations.BosToken);
        SpecialToken? eos = Find(declarations.EosToken);
        bool addsBos = bos is not null && frame.Length > 0 && frame[0] == bos.Id;
        bool addsEos = eos is not null && frame.Length > (addsBos ? 1 : 0) && frame[^1] == eos.Id;
        Special = new SpecialTokens(bos, eos, Find(declarations.UnknownToken), Find(declarations.PadToken), addsBos, addsEos);
        EndOfGenerationIds = EndOfGeneration.Ids(this, declarations.EndOfGenerationIds);
        _bytes = new Lazy<byte[][]>(() => Array.ConvertAll(_decoded, static token => token is null ? [] : ByteLetters.Decode(token)));
        _fingerprint = new Lazy<string>(() => Convert.ToHexStringLower(SHA256.HashData([.. definition.Span, 0, .. Encoding.UTF8.GetBytes($"{Special}")])));
    }

    /// <summary>One more than the largest id: the rows that an embedding needs.</summary>
    public int VocabularySize => _tokens.Length;

    /// <summary>The tokens that are cut out of the text before the vocabulary's rules apply.</summary>
    public IReadOnlyList<AddedToken> AddedTokens => _pipeline.Added.All;

    public SpecialTokens Special { get; }

    /// <summary>The model's chat template (Jinja), or null where it has none.</summary>
    public string? ChatTemplate { get; }

    /// <summary>Ids that end a generated answer, ascending.</summary>
    public IReadOnlyList<int> EndOfGenerationIds { get; }

    /// <summary>The tokenizer.json that defines this tokenizer (UTF-8); of a GGUF vocabulary, the equivalent one.</summary>
    public ReadOnlyMemory<byte> Definition { get; }

    /// <summary>SHA-256, in hexadecimal, of everything that ids depend on. The chat template is not part of it.</summary>
    public string Fingerprint => _fingerprint.Value;

    /// <summary>Encodes a text. With <paramref name="specialTokensAsText"/> special tokens that stand in the text are spelt like any other text.</summary>
    public TokenizedText Encode(string text, bool addSpecialTokens = true, bool specialTokensAsText = false)
    {
        TokenSink sink = Run(text, addSpecialTokens, specialTokensAsText, withOffsets: true);
        return new TokenizedText([.. sink.Ids], [.. sink.Offsets]);
    }

    /// <summary>As <see cref="Encode"/>, without the ranges.</summary>
    public int[] EncodeIds(string text, bool addSpecialTokens = true, bool specialTokensAsText = false) =>
        [.. Run(text, addSpecialTokens, specialTokensAsText, withOffsets: false).Ids];

    /// <summary>The text of some ids. Ids without a token are left out; bytes that are no UTF-8 become U+FFFD.</summary>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        if (_pipeline.DecodesBytes)
        {
            using var bytes = new MemoryStream(ids.Length * 4);
            foreach (int id in ids)
            {
                bytes.Write(BytesOf(id, skipSpecialTokens));
            }

            return CodePoints.Lossy(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
        }

        var tokens = new List<string>(ids.Length);
        foreach (int id in ids)
        {
            if (DecodedOrNull(id, skipSpecialTokens) is { } token)
            {
                tokens.Add(token);
            }
        }

        return string.Concat(_pipeline.Decoder.Decode(tokens));
    }

    /// <summary>The id of a token as the vocabulary writes it ("Ġthe", "&lt;s&gt;"), or null.</summary>
    public int? TokenToId(string token) => _pipeline.Added.Find(token)?.Id ?? _pipeline.Model.TokenToId(token);

    /// <summary>A token as the vocabulary writes it, or null.</summary>
    public string? IdToToken(int id) => id >= 0 && id < _tokens.Length ? _tokens[id] : null;

    /// <summary>Decodes ids one by one as they are generated.</summary>
    public StreamingDecoder CreateStream(bool skipSpecialTokens = true) => new(this, skipSpecialTokens);

    /// <summary>True where the text of a sequence is the text of its tokens' bytes, one after the other.</summary>
    internal bool DecodesBytes => _pipeline.DecodesBytes;

    /// <summary>The bytes that a token adds to a byte-level text.</summary>
    internal ReadOnlySpan<byte> BytesOf(int id, bool skipSpecialTokens) =>
        DecodedOrNull(id, skipSpecialTokens) is null ? [] : _bytes.Value[id];

    private string? DecodedOrNull(int id, bool skipSpecialTokens) =>
        id >= 0 && id < _decoded.Length && _decoded[id] is { } token && !(skipSpecialTokens && _pipeline.Added.IsSpecial(token)) ? token : null;

    private static void AddToken(TextPart part, TokenSink sink)
    {
        Segment segment = part.Segment;
        if (PointClasses.Is(segment.Points[0], PointClass.WhiteSpace) || PointClasses.Is(segment.Points[^1], PointClass.WhiteSpace))
        {
            sink.Surfaces[sink.Ids.Count] = CodePoints.ToString(segment.Points);
        }

        sink.Add(part.TokenId, new TextSpan(segment.Text.OriginalStart(segment.Start), segment.Text.OriginalEnd(segment.End - 1)));
    }

    private SpecialToken? Find(string? text) => text is not null && TokenToId(text) is int id ? new SpecialToken(text, id) : null;

    /// <summary>What it returns is this thread's own until its next text.</summary>
    private TokenSink Run(string text, bool addSpecialTokens, bool specialTokensAsText, bool withOffsets)
    {
        EncodingScratch scratch = EncodingScratch.Take(withOffsets);
        TokenSink sink = scratch.Sink;
        Pieces pieces = scratch.Pieces;
        foreach (TextPart part in _pipeline.Added.Split(scratch.Read(text), specialTokensAsText))
        {
            if (part.TokenId >= 0)
            {
                AddToken(part, sink);
                continue;
            }

            pieces.Reset(part.Segment);
            _pipeline.PreTokenizer?.Apply(pieces);
            foreach (TextSpan span in pieces.Spans)
            {
                _pipeline.Model.Encode(pieces.Text, span.Start, span.End, sink);
            }
        }

        return _pipeline.PostProcessor?.Process(sink, addSpecialTokens, IdToToken) ?? sink;
    }
}
