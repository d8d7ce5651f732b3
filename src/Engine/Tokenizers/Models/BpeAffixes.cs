namespace FineTuneTool.Engine.Tokenizers.Models;

/// <summary>What says where a symbol stands in its word: a prefix on all but the first, a suffix ("&lt;/w&gt;") on the last. Either may be empty.</summary>
internal sealed record BpeAffixes(string Prefix, string Suffix)
{
    /// <summary>The token of a first symbol, or −1.</summary>
    public int Find(Vocabulary vocabulary, int point, bool isFirst, bool isLast) =>
        vocabulary.Find((isFirst ? "" : Prefix) + char.ConvertFromUtf32(point) + (isLast ? Suffix : "")) ?? -1;

    /// <summary>The token that two make: the prefix of the second goes.</summary>
    public string Join(string left, string right) => left + (right.StartsWith(Prefix, StringComparison.Ordinal) ? right[Prefix.Length..] : right);
}
