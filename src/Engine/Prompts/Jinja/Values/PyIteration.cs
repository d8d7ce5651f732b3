using System.Numerics;

namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>len(), iter(), list().</summary>
internal static class PyIteration
{
    public static bool TryLength(object? value, out int length)
    {
        length = value switch
        {
            string text => PyCharacters.Length(text),
            List<object?> list => list.Count,
            PyTuple tuple => tuple.Items.Count,
            PyDict dict => dict.Count,
            PyView view => view.Dict.Count,
            PyRange range => range.Count,
            PyBytes bytes => bytes.Bytes.Length,
            LoopState loop => loop.Length,
            Undefined => 0,
            _ => -1,
        };
        return length >= 0;
    }

    public static int Length(object? value) =>
        TryLength(value, out int length) ? length : throw JinjaError.Type($"object of type '{PyTypes.Name(value)}' has no len()");

    public static bool TryIterate(object? value, out IEnumerable<object?> items)
    {
        IEnumerable<object?>? found = value switch
        {
            string text => PyCharacters.CodePoints(text),
            List<object?> list => list,
            PyTuple tuple => tuple.Items,
            PyDict dict => dict.Keys,
            PyView view => view.Items,
            PyRange range => Enumerable.Range(0, range.Count).Select(i => range[i]),
            PyBytes bytes => bytes.Bytes.Select(b => (object?)new BigInteger(b)),
            PyGenerator generator => generator.Take(),
            Undefined { Kind: JinjaErrorKind.Undefined } => [],
            _ => null,
        };
        items = found ?? [];
        return found is not null;
    }

    public static IEnumerable<object?> Iterate(object? value) => TryIterate(value, out IEnumerable<object?> items) ? items
        : throw (value is Undefined undefined ? undefined.Error : JinjaError.Type($"'{PyTypes.Name(value)}' object is not iterable"));

    /// <summary>list(value)</summary>
    public static List<object?> List(object? value)
    {
        if (TryLength(value, out int length))
        {
            RenderBudget.Produce(length);
        }

        List<object?> items = [];
        foreach (object? item in Iterate(value))
        {
            RenderBudget.Step();
            items.Add(item);
        }

        return items;
    }
}
