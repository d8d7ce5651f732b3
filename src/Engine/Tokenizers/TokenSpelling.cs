using System.Buffers;
using System.Text;
using FineTuneTool.Engine.Tokenizers.Decoders;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>
/// What each token of a sequence spells, to show it to people. Unlike decoding it takes nothing away: the space that a decoder strips from the
/// beginning of a text stays, and special tokens are spelt. Not for several threads.
/// </summary>
public sealed class TokenSpelling
{
    /// <summary>A piece is cut here at the latest, so that tokens which each end inside a character do not run on without end.</summary>
    private const int MaxTokens = 16;

    private readonly Tokenizer _tokenizer;
    private readonly HashSet<int> _special;
    private readonly Dictionary<int, byte[]> _known = [];

    public TokenSpelling(Tokenizer tokenizer)
    {
        _tokenizer = tokenizer;
        SpecialTokens special = tokenizer.Special;
        _special =
        [
            .. tokenizer.AddedTokens.Where(token => token.Special).Select(token => token.Id),
            .. new[] { special.BosToken, special.EosToken, special.UnknownToken, special.PadToken }.OfType<SpecialToken>().Select(token => token.Id),
        ];
    }

    /// <summary>The pieces of a sequence, in order; every token is in one.</summary>
    public IReadOnlyList<TokenPiece> Pieces(ReadOnlySpan<int> ids)
    {
        List<TokenPiece> pieces = [];
        List<byte> bytes = [];
        int start = 0;
        for (int i = 0; i < ids.Length; i++)
        {
            byte[] own = BytesOf(ids[i]);
            bool isSpecial = _special.Contains(ids[i]);
            if (i > start && (isSpecial || i - start == MaxTokens || !Continues(bytes, own)))
            {
                pieces.Add(new TokenPiece(start, i - start, [.. bytes], false));
                bytes.Clear();
                start = i;
            }

            bytes.AddRange(own);
            if (isSpecial || !EndsInsideCharacter([.. bytes]))
            {
                pieces.Add(new TokenPiece(start, i + 1 - start, [.. bytes], isSpecial));
                bytes.Clear();
                start = i + 1;
            }
        }

        if (start < ids.Length)
        {
            pieces.Add(new TokenPiece(start, ids.Length - start, [.. bytes], false));
        }

        return pieces;
    }

    /// <summary>True where the next bytes go on with the character that the bytes before break off in.</summary>
    private static bool Continues(List<byte> before, byte[] next)
    {
        int lead = before.FindLastIndex(value => (value & 0xC0) != 0x80);
        return next.Length > 0 && Rune.DecodeFromUtf8([.. before[lead..], .. next], out _, out _) != OperationStatus.InvalidData;
    }

    private static bool EndsInsideCharacter(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out _, out int consumed) == OperationStatus.NeedMoreData)
            {
                return true;
            }

            bytes = bytes[consumed..];
        }

        return false;
    }

    private byte[] BytesOf(int id)
    {
        if (!_known.TryGetValue(id, out byte[]? bytes))
        {
            _known[id] = bytes = Spell(id);
        }

        return bytes;
    }

    private byte[] Spell(int id)
    {
        if (_tokenizer.IdToToken(id) is not { } token)
        {
            return [];
        }

        if (_special.Contains(id))
        {
            return Encoding.UTF8.GetBytes(token);
        }

        if (_tokenizer.DecodesBytes)
        {
            return _tokenizer.BytesOf(id, skipSpecialTokens: false).ToArray();
        }

        // Decoders treat the first token apart, so a token is spelt as it stands behind itself.
        string alone = _tokenizer.Decode([id], skipSpecialTokens: false);
        if (ByteFallbackDecoder.ByteOf(token) is { } value && alone != token)
        {
            return [value];
        }

        string twice = _tokenizer.Decode([id, id], skipSpecialTokens: false);
        return Encoding.UTF8.GetBytes(twice.Length > alone.Length && twice.StartsWith(alone, StringComparison.Ordinal) ? twice[alone.Length..] : token);
    }
}
