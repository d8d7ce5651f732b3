namespace FineTuneTool.Engine.Formats.Parquet;

/// <summary>An entry of the footer's schema, which is a tree written depth first (parquet.thrift <c>SchemaElement</c>).</summary>
internal sealed class SchemaElement
{
    public PhysicalType? Physical { get; set; }

    public int TypeLength { get; set; }

    public Repetition Repetition { get; set; }

    public string Name { get; set; } = "";

    public int Children { get; set; }

    public LogicalType Logical { get; set; }

    public int Scale { get; set; }

    public TimeUnit Unit { get; set; }

    public bool IsUtc { get; set; }

    /// <summary>Takes the meaning from a <c>ConvertedType</c>, as files have it that are older than logical types.</summary>
    public void Convert(int type) => (Logical, Unit, IsUtc) = type switch
    {
        0 or 4 or 19 => (LogicalType.Text, Unit, IsUtc),
        1 or 2 => (LogicalType.Map, Unit, IsUtc),
        3 => (LogicalType.List, Unit, IsUtc),
        5 => (LogicalType.Decimal, Unit, IsUtc),
        6 => (LogicalType.Date, Unit, IsUtc),
        7 => (LogicalType.Time, TimeUnit.Milliseconds, true),
        8 => (LogicalType.Time, TimeUnit.Microseconds, true),
        9 => (LogicalType.Timestamp, TimeUnit.Milliseconds, true),
        10 => (LogicalType.Timestamp, TimeUnit.Microseconds, true),
        >= 11 and <= 14 => (LogicalType.Unsigned, Unit, IsUtc),
        _ => (Logical, Unit, IsUtc),
    };
}

/// <summary>Builds the tree of nodes from the list of its elements.</summary>
internal static class ParquetSchema
{
    private const int MaxDepth = 64;

    /// <exception cref="InvalidDataException">The list is no tree, or a node contradicts itself.</exception>
    public static ParquetNode Build(IReadOnlyList<SchemaElement> elements)
    {
        int next = 0, columns = 0;
        ParquetNode root = Build(elements, ref next, ref columns, 0, 0, 0);
        return next == elements.Count && root.Physical is null ? root : throw new InvalidDataException("its schema is not one tree");
    }

    private static ParquetNode Build(IReadOnlyList<SchemaElement> elements, ref int next, ref int columns, int definition, int repetition, int depth)
    {
        if (next >= elements.Count || depth > MaxDepth)
        {
            throw new InvalidDataException("its schema is cut or nested too deeply");
        }

        bool isRoot = next == 0;
        SchemaElement element = elements[next++];
        if (!isRoot)
        {
            definition += element.Repetition == Repetition.Required ? 0 : 1;
            repetition += element.Repetition == Repetition.Repeated ? 1 : 0;
        }

        int first = columns;
        var children = new List<ParquetNode>();
        if (element.Physical is null)
        {
            for (int left = element.Children; left > 0; left--)
            {
                children.Add(Build(elements, ref next, ref columns, definition, repetition, depth + 1));
            }
        }
        else
        {
            columns++;
        }

        if (element.Physical is PhysicalType.FixedLengthByteArray && element.TypeLength <= 0)
        {
            throw new InvalidDataException($"the column {element.Name} has values of {element.TypeLength} bytes");
        }

        if (columns == first || (element.Physical is not null && element.Children > 0))
        {
            throw new InvalidDataException($"{element.Name} is a group without columns, or a column with children");
        }

        if (children.GroupBy(child => child.Name).Any(group => group.Count() > 1))
        {
            throw new InvalidDataException($"{element.Name} has two columns of one name");
        }

        return new ParquetNode(element.Name, isRoot ? Repetition.Required : element.Repetition, element.Physical, element.TypeLength, element.Logical)
        {
            Scale = element.Scale,
            Unit = element.Unit,
            IsUtc = element.IsUtc,
            Children = children,
            DefinitionLevel = definition,
            RepetitionLevel = repetition,
            FirstColumn = first,
            Columns = columns - first,
        };
    }
}
