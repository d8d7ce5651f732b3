using System.Text;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>
/// A tokenizer.model: the message ModelProto of SentencePiece (sentencepiece_model.proto), as far as encoding depends on it. Malformed content
/// is FT0201; models of whole words or characters, and those that mark spaces in another way, are FT0202.
/// </summary>
internal sealed class SentencePieceModel
{
    private const int UnigramKind = 1, BpeKind = 2;

    private readonly List<string> _tokens = [];
    private readonly List<float> _scores = [];
    private readonly List<PieceType> _types = [];
    private long _kind = UnigramKind;
    private bool _spaceIsSuffix;
    private bool _marksSpaces = true;
    private bool _addsPrefix = true;
    private bool _removesSpaces = true;
    private byte[] _charsMap = [];

    private SentencePieceModel()
    {
    }

    public bool IsBpe => _kind == BpeKind;

    /// <summary>Ids of the pieces with a part to play; −1 for none.</summary>
    public long BosId { get; private set; } = 1;

    public long EosId { get; private set; } = 2;

    public long PadId { get; private set; } = -1;

    /// <param name="file">The name that diagnostics give.</param>
    public static SentencePieceModel Read(ReadOnlySpan<byte> bytes, string file)
    {
        var model = new SentencePieceModel();
        try
        {
            model.ReadModel(bytes);
        }
        catch (Exception problem) when (problem is FormatException or DecoderFallbackException)
        {
            string what = problem is FormatException ? problem.Message : "has a piece that is not UTF-8";
            throw Bad($"The file {what}.", file, problem);
        }

        if (model._tokens.Count == 0)
        {
            throw Bad("The file has no pieces.", file, null);
        }

        string? unsupported = model._kind is not (UnigramKind or BpeKind) ? $"a model of the kind {model._kind}"
            : model._spaceIsSuffix ? "a mark for spaces at the end of words"
            : !model._marksSpaces ? "spaces without a mark"
            : null;
        return unsupported is null ? model : throw new FineTuneException(
            Codes.UnsupportedTokenizer, $"The file has {unsupported}, which is not supported.", "Use a base model with a tokenizer.json.", new SourcePosition(file));
    }

    public SentencePieceVocabulary Vocabulary => new([.. _tokens], [.. _scores], [.. _types], UnknownId)
    {
        IsUnigram = !IsBpe,
        AddSpacePrefix = _addsPrefix,
        RemoveExtraSpaces = _removesSpaces,
        CharsMap = _charsMap,
    };

    public SpecialToken? Special(long id) => id >= 0 && id < _tokens.Count && _types[(int)id] != PieceType.Normal ? new SpecialToken(_tokens[(int)id], (int)id) : null;

    public int? UnknownId => _types.IndexOf(PieceType.Unknown) is int id and >= 0 ? id : null;

    public static FineTuneException Bad(string message, string file, Exception? inner) => new(
        Codes.BadTokenizer, message, "Download the file again; a file of a few hundred bytes is often a pointer instead of the content.", new SourcePosition(file), inner);

    private void ReadModel(ReadOnlySpan<byte> bytes)
    {
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    ReadPiece(reader.Bytes());
                    break;
                case 2:
                    ReadTrainer(reader.Bytes());
                    break;
                case 3:
                    ReadNormalizer(reader.Bytes());
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private void ReadPiece(ReadOnlySpan<byte> bytes)
    {
        string? token = null;
        float score = 0;
        long type = (long)PieceType.Normal;
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    token = Strict.GetString(reader.Bytes());
                    break;
                case 2:
                    score = reader.Float();
                    break;
                case 3:
                    type = reader.Integer();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (!float.IsFinite(score) || type is < (long)PieceType.Normal or > (long)PieceType.Byte)
        {
            throw new FormatException($"has at {_tokens.Count} a piece whose score is not finite or whose type there is not");
        }

        _tokens.Add(token ?? throw new FormatException($"has at {_tokens.Count} a piece without a text"));
        _scores.Add(score);
        _types.Add((PieceType)type);
    }

    private void ReadTrainer(ReadOnlySpan<byte> bytes)
    {
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 3:
                    _kind = reader.Integer();
                    break;
                case 24:
                    _spaceIsSuffix = reader.Flag();
                    break;
                case 41:
                    BosId = reader.Integer();
                    break;
                case 42:
                    EosId = reader.Integer();
                    break;
                case 43:
                    PadId = reader.Integer();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private void ReadNormalizer(ReadOnlySpan<byte> bytes)
    {
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 2:
                    _charsMap = reader.Bytes().ToArray();
                    break;
                case 3:
                    _addsPrefix = reader.Flag();
                    break;
                case 4:
                    _removesSpaces = reader.Flag();
                    break;
                case 5:
                    _marksSpaces = reader.Flag();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
}
