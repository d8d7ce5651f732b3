using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// Typed reading of config.json. A key whose value is null counts as absent. A missing or ill-typed value raises
/// <see cref="Codes.BadModelConfig"/>; an option that would change the maths, <see cref="Codes.UnsupportedArchitecture"/>.
/// </summary>
public sealed class ConfigFields(JsonObject config, string path, string prefix = "")
{
    public string Path => path;

    /// <summary>Keys with a value.</summary>
    public IEnumerable<string> Keys => config.Where(pair => pair.Value is not null).Select(pair => pair.Key);

    public bool Has(string key) => config[key] is not null;

    /// <summary>A whole number from 1 to <paramref name="most"/>.</summary>
    public int Count(string key, int? fallback = null, int most = 1 << 24)
    {
        if (Number(key, fallback) is var number && number >= 1 && number <= most && number == Math.Truncate(number))
        {
            return (int)number;
        }

        throw Bad(key, $"a whole number from 1 to {most.ToString(CultureInfo.InvariantCulture)}");
    }

    /// <summary>A finite number above 0.</summary>
    public double Positive(string key, double? fallback = null) => Number(key, fallback) is var number and > 0 ? number : throw Bad(key, "a number above 0");

    public double Number(string key, double? fallback = null)
    {
        switch (config[key])
        {
            case null:
                return fallback ?? throw Missing(key);
            case JsonValue value when value.GetValueKind() == JsonValueKind.Number
                && double.TryParse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number):
                return number;
            default:
                throw Bad(key, "a number");
        }
    }

    public bool Flag(string key, bool fallback) => config[key]?.GetValueKind() switch
    {
        null => fallback,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Bad(key, "true or false"),
    };

    public string? Text(string key) => config[key] switch
    {
        null => null,
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        _ => throw Bad(key, "a string"),
    };

    public IReadOnlyList<string>? Texts(string key) => config[key] switch
    {
        null => null,
        JsonArray array when array.All(item => item?.GetValueKind() == JsonValueKind.String) => [.. array.Select(item => item!.GetValue<string>())],
        _ => throw Bad(key, "a list of strings"),
    };

    public IReadOnlyList<double>? Numbers(string key) => config[key] switch
    {
        null => null,
        JsonArray array when array.All(item => item?.GetValueKind() == JsonValueKind.Number) => [.. array.Select(item => item!.GetValue<double>())],
        _ => throw Bad(key, "a list of numbers"),
    };

    public ConfigFields? Object(string key) => config[key] switch
    {
        null => null,
        JsonObject value => new ConfigFields(value, path, $"{prefix}{key}."),
        _ => throw Bad(key, "an object"),
    };

    /// <summary>Raises <see cref="Codes.UnsupportedArchitecture"/> where a number that changes the maths is neither absent nor <paramref name="neutral"/>.</summary>
    public void Require(string key, double neutral)
    {
        if (Has(key) && Number(key) != neutral)
        {
            throw Unsupported(key);
        }
    }

    public FineTuneException Missing(string key) => Bad(key, "a value, but is absent", verb: "needs");

    public FineTuneException Bad(string key, string expected, string verb = "must be") => new(
        Codes.BadModelConfig, $"'{prefix}{key}' {verb} {expected}{Found(key)}.", "Restore config.json from the model's source.", new SourcePosition(path));

    public FineTuneException Unsupported(string key) => new(
        Codes.UnsupportedArchitecture, $"The option '{prefix}{key}'{Found(key)} is not supported.",
        "Use another model: leaving the option out would compute something else.", new SourcePosition(path));

    private string Found(string key) => config[key] is not { } node ? "" : node.ToJsonString() is { Length: <= 60 } text ? $" ({text})" : "";
}
