using System.Buffers.Binary;
using System.Text;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Tests.Tokenizers;

/// <summary>tokenizer.model files small enough to read: &lt;unk&gt;, &lt;s&gt;, &lt;/s&gt; (ids 0–2), then the pieces in the order of their scores.</summary>
internal static class SmallModels
{
    public static byte[] Bpe(params string[] pieces) => Make(2, removesSpaces: false, pieces);

    public static byte[] Bpe(bool removesSpaces, params string[] pieces) => Make(2, removesSpaces, pieces);

    public static byte[] Unigram(params string[] pieces) => Make(1, removesSpaces: true, pieces);

    public static byte[] Make(int kind, bool removesSpaces, string[] pieces) =>
    [
        .. Message(1, Piece("<unk>", 0, PieceType.Unknown)),
        .. Message(1, Piece("<s>", 0, PieceType.Control)),
        .. Message(1, Piece("</s>", 0, PieceType.Control)),
        .. pieces.SelectMany((piece, i) => Message(1, Piece(piece, -i, PieceType.Normal))),
        .. Message(2, [0x18, (byte)kind]),
        .. Message(3, [0x18, 1, 0x20, (byte)(removesSpaces ? 1 : 0)]),
    ];

    private static byte[] Piece(string text, float score, PieceType type)
    {
        byte[] bits = new byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(bits, score);
        return [.. Message(1, Encoding.UTF8.GetBytes(text)), 0x15, .. bits, 0x18, (byte)type];
    }

    private static byte[] Message(int field, byte[] content)
    {
        var bytes = new List<byte> { (byte)((field << 3) | 2) };
        for (int length = content.Length; ; length >>= 7)
        {
            bytes.Add((byte)(length < 128 ? length : (length & 0x7F) | 0x80));
            if (length < 128)
            {
                return [.. bytes, .. content];
            }
        }
    }
}
