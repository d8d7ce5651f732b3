namespace FineTuneTool.Engine.Formats;

/// <summary>
/// One metadata entry. <paramref name="Value"/> is the .NET number, <see cref="bool"/> or <see cref="string"/> of <paramref name="Type"/>,
/// or an array of those of <paramref name="ElementType"/> (which is null for anything but arrays).
/// </summary>
public sealed record GgufEntry(string Key, GgufValueType Type, object Value, GgufValueType? ElementType = null)
{
    /// <summary>An entry whose type is that of the .NET value. Nested arrays and other types throw <see cref="ArgumentException"/>.</summary>
    public static GgufEntry Of(string key, object value) => value is Array array
        ? new GgufEntry(key, GgufValueType.Array, value, TypeOf(array.GetType().GetElementType()!))
        : new GgufEntry(key, TypeOf(value.GetType()), value);

    private static GgufValueType TypeOf(Type type) => System.Type.GetTypeCode(type) switch
    {
        TypeCode.Byte => GgufValueType.UInt8,
        TypeCode.SByte => GgufValueType.Int8,
        TypeCode.UInt16 => GgufValueType.UInt16,
        TypeCode.Int16 => GgufValueType.Int16,
        TypeCode.UInt32 => GgufValueType.UInt32,
        TypeCode.Int32 => GgufValueType.Int32,
        TypeCode.Single => GgufValueType.Float32,
        TypeCode.Boolean => GgufValueType.Bool,
        TypeCode.String => GgufValueType.String,
        TypeCode.UInt64 => GgufValueType.UInt64,
        TypeCode.Int64 => GgufValueType.Int64,
        TypeCode.Double => GgufValueType.Float64,
        _ => throw new ArgumentException($"GGUF has no value type for {type}.", nameof(type)),
    };
}
