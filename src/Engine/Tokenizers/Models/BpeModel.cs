using System.Buffers;
using System.Runtime.CompilerServices;
using FineTuneTool.Engine.Tokenizers.PreTokenizers;
using FineTuneTool.Engine.Tokenizers.Unicode;

namespace FineTuneTool.Engine.Tokenizers.Models;

/// <summary>The settings of a BPE model, named as in tokenizer.json.</summary>
internal sealed record BpeSettings(int? UnkId, bool FuseUnk, bool ByteFallback, bool IgnoreMerges, BpeAffixes? Affixes = null);

/// <summary>
/// Byte pair encoding. The first symbols of a piece are its bytes (byte level) or its code points; one that the
/// vocabulary lacks becomes <c>&lt;0xNN&gt;</c> tokens, the unknown token, or nothing, by the settings.
/// </summary>
internal sealed class BpeModel : TokenModel
{
    private const int Missing = -1;

    private readonly Vocabulary _vocabulary;
    private readonly MergeTable _merges;
    private readonly BpeSettings _settings;
    private readonly bool _byteLevel;
    private readonly bool _cutsWords;
    private readonly int[] _byteIds = new int[256];
    private readonly int[]? _fallbackIds;
    private readonly Dictionary<int, int> _pointIds = [];
    private readonly ThreadLocal<PieceCache> _cache = new(static () => new PieceCache());

    public BpeModel(Vocabulary vocabulary, MergeTable merges, BpeSettings settings, bool byteLevel)
    {
        _vocabulary = vocabulary;
        _merges = merges;
        _settings = settings;
        _byteLevel = byteLevel;
        _cutsWords = !byteLevel && !settings.IgnoreMerges && settings.Affixes is null && WordBoundaries.Hold(vocabulary);
        for (int value = 0; value < 256; value++)
        {
            _byteIds[value] = vocabulary.Find(((char)ByteLetters.Letter((byte)value)).ToString()) ?? Missing;
        }

        if (settings.ByteFallback)
        {
            _fallbackIds = [.. Enumerable.Range(0, 256).Select(value => vocabulary.Find($"<0x{value:X2}>") ?? Missing)];
        }

        for (int id = 0; id < vocabulary.Tokens.Count; id++)
        {
            if (vocabulary.Tokens[id] is { Length: 1 or 2 } token && CodePoints.FromString(token) is [int point])
            {
                _pointIds[point] = id;
            }
        }
    }

    public override IReadOnlyList<string?> Tokens => _vocabulary.Tokens;

    public override int? TokenToId(string token) => _vocabulary.Find(token);

    public override void Encode(AlignedText text, int start, int end, TokenSink sink)
    {
        for (int from = start; from < end;)
        {
            int to = _cutsWords ? from + WordBoundaries.Next(text.Points.AsSpan(from, end - from)) : end;
            EncodeWord(text, from, to, sink);
            from = to;
        }
    }

    [SkipLocalsInit]
    private void EncodeWord(AlignedText text, int start, int end, TokenSink sink)
    {
        int capacity = (end - start) * 4;
        byte[]? rented = capacity > 1024 ? ArrayPool<byte>.Shared.Rent(capacity) : null;
        Span<byte> bytes = rented ?? stackalloc byte[1024];
        int length = ToUtf8(text.Points.AsSpan(start, end - start), bytes);
        bytes = bytes[..length];
        if (length > PieceCache.MaxBytes)
        {
            EncodeAnew(text, start, end, bytes, sink, remember: null, default);
        }
        else
        {
            PieceCache cache = _cache.Value!;
            if (cache.Find(bytes, out PieceCache.Key key, out ReadOnlySpan<int> ids, out ReadOnlySpan<int> lengths))
            {
                Emit(text, start, end, ids, lengths, sink);
            }
            else
            {
                EncodeAnew(text, start, end, bytes, sink, cache, key);
            }
        }

        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static int ToUtf8(ReadOnlySpan<int> points, Span<byte> bytes)
    {
        int length = 0;
        foreach (int point in points)
        {
            if (point < 0x80)
            {
                bytes[length++] = (byte)point;
            }
            else
            {
                length += CodePoints.WriteUtf8(point, bytes[length..]);
            }
        }

        return length;
    }

    [SkipLocalsInit]
    private void EncodeAnew(AlignedText text, int start, int end, ReadOnlySpan<byte> bytes, TokenSink sink, PieceCache? remember, PieceCache.Key key)
    {
        int[]? rented = bytes.Length > 128 ? ArrayPool<int>.Shared.Rent(bytes.Length * 2) : null;
        Span<int> buffer = rented ?? stackalloc int[256];
        Span<int> ids = buffer[..bytes.Length];
        Span<int> lengths = buffer[bytes.Length..(2 * bytes.Length)];
        int count;
        if (_settings.IgnoreMerges && Whole(text.Points.AsSpan(start, end - start), bytes) is int whole)
        {
            (ids[0], lengths[0], count) = (whole, bytes.Length, 1);
        }
        else
        {
            count = _byteLevel ? ByteSymbols(bytes, ids, lengths) : PointSymbols(text.Points.AsSpan(start, end - start), ids, lengths);
            count = BpeWord.Merge(ids[..count], lengths[..count], _merges);
        }

        remember?.Store(key, ids[..count], lengths[..count]);
        Emit(text, start, end, ids[..count], lengths[..count], sink);
        if (rented is not null)
        {
            ArrayPool<int>.Shared.Return(rented);
        }
    }

    private int? Whole(ReadOnlySpan<int> points, ReadOnlySpan<byte> bytes)
    {
        if (!_byteLevel)
        {
            return _vocabulary.Find(CodePoints.ToString(points));
        }

        return _vocabulary.Find(string.Create(bytes.Length, bytes, static (letters, source) =>
        {
            for (int i = 0; i < letters.Length; i++)
            {
                letters[i] = (char)ByteLetters.Letter(source[i]);
            }
        }));
    }

    private int ByteSymbols(ReadOnlySpan<byte> bytes, Span<int> ids, Span<int> lengths)
    {
        var symbols = new Symbols(ids, lengths);
        for (int i = 0; i < bytes.Length; i++)
        {
            int id = _settings.Affixes?.Find(_vocabulary, ByteLetters.Letter(bytes[i]), i == 0, i == bytes.Length - 1) ?? _byteIds[bytes[i]];
            AddSymbol(ref symbols, id, 1);
        }

        symbols.FlushUnknown();
        return symbols.Count;
    }

    private int PointSymbols(ReadOnlySpan<int> points, Span<int> ids, Span<int> lengths)
    {
        var symbols = new Symbols(ids, lengths);
        Span<byte> utf8 = stackalloc byte[4];
        for (int i = 0; i < points.Length; i++)
        {
            int length = CodePoints.WriteUtf8(points[i], utf8);
            int id = _settings.Affixes?.Find(_vocabulary, points[i], i == 0, i == points.Length - 1) ?? _pointIds.GetValueOrDefault(points[i], Missing);
            if (id == Missing && _fallbackIds is not null && HasFallback(utf8[..length]))
            {
                foreach (byte value in utf8[..length])
                {
                    symbols.Add(_fallbackIds[value], 1);
                }
            }
            else
            {
                AddSymbol(ref symbols, id, length);
            }
        }

        symbols.FlushUnknown();
        return symbols.Count;
    }

    private bool HasFallback(ReadOnlySpan<byte> utf8)
    {
        foreach (byte value in utf8)
        {
            if (_fallbackIds![value] == Missing)
            {
                return false;
            }
        }

        return true;
    }

    private void AddSymbol(ref Symbols symbols, int id, int length)
    {
        if (id != Missing)
        {
            symbols.FlushUnknown();
            symbols.Add(id, length);
        }
        else if (_settings.UnkId is int unknown)
        {
            symbols.AddUnknown(unknown, length, _settings.FuseUnk);
        }
    }

    /// <summary>Token lengths are bytes of the piece; a token's range runs from the code point with its first byte to the one with its last.</summary>
    private static void Emit(AlignedText text, int start, int end, ReadOnlySpan<int> ids, ReadOnlySpan<int> lengths, TokenSink sink)
    {
        if (!sink.WithOffsets)
        {
            sink.Ids.AddRange(ids);
            return;
        }

        int point = start;
        int pointByte = 0;
        int from = 0;
        for (int i = 0; i < ids.Length; i++)
        {
            Advance(from, ref point, ref pointByte);
            int first = point;
            from += lengths[i];
            Advance(from - 1, ref point, ref pointByte);
            sink.Add(ids[i], new TextSpan(text.OriginalStart(first), text.OriginalEnd(point)));
        }

        void Advance(int target, ref int at, ref int atByte)
        {
            for (int size = CodePoints.Utf8Length(text.Points[at]); at + 1 < end && atByte + size <= target; size = CodePoints.Utf8Length(text.Points[at]))
            {
                atByte += size;
                at++;
            }
        }
    }

    /// <summary>The first symbols of a piece; unknown ones wait, to be fused with the next.</summary>
    private ref struct Symbols(Span<int> ids, Span<int> lengths)
    {
        private readonly Span<int> _ids = ids;
        private readonly Span<int> _lengths = lengths;
        private int _unknownId;
        private int _unknownLength;

        public int Count { get; private set; }

        public void Add(int id, int length)
        {
            _ids[Count] = id;
            _lengths[Count++] = length;
        }

        public void AddUnknown(int id, int length, bool fuse)
        {
            if (!fuse)
            {
                FlushUnknown();
            }

            _unknownId = id;
            _unknownLength += length;
        }

        public void FlushUnknown()
        {
            if (_unknownLength > 0)
            {
                Add(_unknownId, _unknownLength);
                _unknownLength = 0;
            }
        }
    }
}
