using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Tokenizers;

namespace FineTuneTool.Engine.Batches;

/// <summary>A row as training packs it.</summary>
/// <param name="Number">Counted from 1.</param>
public sealed record PreviewRow(int Number, IReadOnlyList<PreviewDocument> Documents)
{
    public int Tokens => Documents.Sum(document => document.Ids.Length);

    public int SupervisedTokens => Documents.Sum(document => document.SupervisedTokens);
}

/// <summary>One of the texts that share a row; attention never leaves it.</summary>
/// <param name="Source">Where it came from; null where that is not known.</param>
/// <param name="Ids">(n) token ids.</param>
/// <param name="Labels">(n) the id where it is learnt, −100 elsewhere. The first is −100 always, for nothing stands before it to predict it from.</param>
public sealed record PreviewDocument(SourcePosition? Source, int[] Ids, int[] Labels, IReadOnlyList<PreviewPiece> Pieces)
{
    public int SupervisedTokens => Labels.Length - Labels.AsSpan().Count(TokenizedExample.Ignored);
}

/// <summary>Tokens to show together; <see cref="TokenPiece.Start"/> counts from the document's beginning. All of them are learnt, or none.</summary>
public sealed record PreviewPiece(TokenPiece Tokens, bool IsSupervised);
