using System.Text.Json.Nodes;

namespace FineTuneTool.Engine.Formats.Parquet;

/// <summary>
/// Puts the columns of a row group together to rows again (record assembly of Dremel, Melnik et al. 2010; lists and maps as in LogicalTypes.md,
/// with its rules for older files). Groups become objects, lists become arrays, maps become arrays of [key, value].
/// </summary>
/// <param name="columns">One cursor for each column of the schema, in its order.</param>
/// <param name="convert">What a stored value that is not null becomes.</param>
internal sealed class RecordAssembler(ParquetNode root, ColumnCursor[] columns, Func<ParquetNode, ParquetValue, JsonNode?> convert)
{
    /// <summary>Most of what one row may hold, in bytes of its values and a few for each: runs could repeat a value without end.</summary>
    private const long MostInRow = 1 << 28;

    private const int ValueCost = 16;

    private long _row;

    /// <summary>The next row.</summary>
    /// <exception cref="InvalidDataException">The columns end, contradict each other, or hold a row beyond all measure.</exception>
    public JsonObject Next()
    {
        _row = 0;
        JsonObject row = Group(root);
        return columns.All(column => column.Repetition == 0) ? row : throw Contradiction();
    }

    /// <summary>Whether every column has been read to its end.</summary>
    public bool IsAtEnd => columns.All(column => column.IsAtEnd);

    private JsonNode? Read(ParquetNode node)
    {
        if (node.Repetition == Repetition.Repeated)
        {
            return Repeated(node, Present);
        }

        if (columns[node.FirstColumn].Definition < node.DefinitionLevel)
        {
            Skip(node);
            return node.Repetition == Repetition.Optional ? null : throw Contradiction();
        }

        return Present(node);
    }

    /// <summary>A node, or an entry of a repeated one, that is there.</summary>
    private JsonNode? Present(ParquetNode node)
    {
        if (node.Physical is not null)
        {
            return Value(node);
        }

        if (node is { Logical: LogicalType.List or LogicalType.Map, Children: [{ Repetition: Repetition.Repeated } repeated] })
        {
            return Repeated(repeated, node.Logical == LogicalType.Map && repeated.Children.Count is (1 or 2) ? Pair : IsWrapper(node, repeated) ? Wrapped : Present);
        }

        return Group(node);
    }

    private JsonNode? Value(ParquetNode node)
    {
        ColumnCursor column = columns[node.FirstColumn];
        if (column.Definition != node.DefinitionLevel)
        {
            throw Contradiction();
        }

        Charge(column.Value.Bytes.Length);
        JsonNode? value = convert(node, column.Value);
        column.Advance();
        return value;
    }

    private JsonObject Group(ParquetNode node)
    {
        var values = new JsonObject();
        foreach (ParquetNode child in node.Children)
        {
            values.Add(child.Name, Read(child));
        }

        return values;
    }

    private JsonArray Repeated(ParquetNode node, Func<ParquetNode, JsonNode?> entry)
    {
        var list = new JsonArray();
        ColumnCursor first = columns[node.FirstColumn];
        if (first.Definition < node.DefinitionLevel)
        {
            Skip(node);
            return list;
        }

        do
        {
            Charge(0);
            list.Add(entry(node));
        }
        while (first.Repetition == node.RepetitionLevel);
        return list;
    }

    private JsonNode? Wrapped(ParquetNode repeated) => Read(repeated.Children[0]);

    private JsonArray Pair(ParquetNode repeated) => [Read(repeated.Children[0]), repeated.Children.Count > 1 ? Read(repeated.Children[1]) : null];

    /// <summary>Whether the repeated group only wraps an entry; in older files it is the entry.</summary>
    private static bool IsWrapper(ParquetNode list, ParquetNode repeated) =>
        repeated.Children.Count == 1 && repeated.Name != "array" && repeated.Name != $"{list.Name}_tuple";

    private void Skip(ParquetNode node)
    {
        for (int column = node.FirstColumn; column < node.FirstColumn + node.Columns; column++)
        {
            columns[column].Advance();
        }
    }

    private void Charge(int bytes)
    {
        _row += bytes + ValueCost;
        if (_row > MostInRow)
        {
            throw new InvalidDataException("a row is larger than 256 MiB");
        }
    }

    private static InvalidDataException Contradiction() => new("its columns contradict each other about the shape of a row");
}
