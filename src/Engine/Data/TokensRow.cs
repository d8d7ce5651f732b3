using System.Text.Json.Nodes;
using FineTuneTool.Engine.Prompts;

namespace FineTuneTool.Engine.Data;

/// <summary>
/// Rows that were tokenised elsewhere: input_ids, optional labels (−100 = not learnt; all are learnt where absent) and optional attention_mask,
/// whose zeros are padding and are cut off.
/// </summary>
internal static class TokensRow
{
    private const int Ignored = -100;

    public static Example Read(RawRow row)
    {
        int[] ids = Integers(row, "input_ids") ?? [];
        int[] labels = Integers(row, "labels") ?? [.. ids];
        int[] mask = Integers(row, "attention_mask") ?? [.. ids.Select(_ => 1)];
        if (ids.Length == 0 || labels.Length != ids.Length || mask.Length != ids.Length)
        {
            throw RowFormats.Bad(row, $"input_ids, labels and attention_mask have {ids.Length}, {labels.Length} and {mask.Length} entries; they must be equally long and not empty.");
        }

        for (int i = 0; i < ids.Length; i++)
        {
            if (ids[i] < 0 || (labels[i] != Ignored && labels[i] != ids[i]) || mask[i] is not (0 or 1))
            {
                throw RowFormats.Bad(row, $"Entry {i + 1} is wrong: ids are at least 0, a label is its id or −100, a mask is 0 or 1.");
            }
        }

        int[] kept = [.. Enumerable.Range(0, ids.Length).Where(i => mask[i] == 1)];
        return kept.Length > 0
            ? new TokensExample([.. kept.Select(i => ids[i])], [.. kept.Select(i => labels[i])], row.Position)
            : throw RowFormats.Bad(row, "attention_mask leaves no token.");
    }

    private static int[]? Integers(RawRow row, string column)
    {
        if (ColumnValues.List(row, column) is not { } list)
        {
            return null;
        }

        int[] values = new int[list.Count];
        for (int i = 0; i < values.Length; i++)
        {
            if (list[i] is not JsonValue value || (!value.TryGetValue(out values[i]) && !(value.TryGetValue(out long wide) && (values[i] = (int)wide) == wide)))
            {
                throw RowFormats.Bad(row, $"Entry {i + 1} of {column} is not a whole number.");
            }
        }

        return values;
    }
}
