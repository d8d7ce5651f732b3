namespace FineTuneTool.Engine.Prompts.Jinja.Values;

/// <summary>Arguments of a call, evaluated.</summary>
internal sealed record Arguments(IReadOnlyList<object?> Positional, IReadOnlyList<KeyValuePair<string, object?>> Named)
{
    /// <summary>Stands where an optional argument was not given.</summary>
    public static readonly object Missing = new();

    public static readonly Arguments None = new([], []);

    public static Arguments Of(params object?[] positional) => new(positional, []);

    /// <summary>The arguments in the order of the parameters; <see cref="Missing"/> where not given.</summary>
    /// <exception cref="JinjaError">Too many, too few, unknown or given twice.</exception>
    public object?[] Bind(string function, int required, params ReadOnlySpan<string> parameters)
    {
        if (Positional.Count > parameters.Length)
        {
            throw JinjaError.Type($"{function}() takes at most {parameters.Length} arguments ({Positional.Count} given)");
        }

        object?[] values = new object?[parameters.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = i < Positional.Count ? Positional[i] : Missing;
        }

        foreach ((string name, object? value) in Named)
        {
            int place = parameters.IndexOf(name);
            if (place < 0 || !ReferenceEquals(values[place], Missing))
            {
                throw JinjaError.Type(place < 0
                    ? $"{function}() got an unexpected keyword argument '{name}'"
                    : $"{function}() got multiple values for argument '{name}'");
            }

            values[place] = value;
        }

        for (int i = 0; i < required; i++)
        {
            if (ReferenceEquals(values[i], Missing))
            {
                throw JinjaError.Type($"{function}() missing required argument: '{parameters[i]}'");
            }
        }

        return values;
    }

    public static bool IsGiven(object? value) => !ReferenceEquals(value, Missing);

    public static object? Or(object? value, object? otherwise) => IsGiven(value) ? value : otherwise;

    /// <summary>A text argument.</summary>
    public static string Text(object? value) => value switch
    {
        string text => text,
        Undefined undefined => throw undefined.Error,
        _ => throw JinjaError.Type($"expected str, got {PyTypes.Name(value)}"),
    };

    /// <summary>A text argument that may be missing or none.</summary>
    public static string? OptionalText(object? value) => IsGiven(value) && value is not null ? Text(value) : null;

    public static int Index(object? value, int otherwise) => IsGiven(value) && value is not null ? PyTypes.ToIndex(value) : otherwise;

    public static bool Flag(object? value, bool otherwise = false) => IsGiven(value) ? PyCompare.IsTrue(value) : otherwise;
}
